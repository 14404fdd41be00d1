/** What a client says it reads. */

/** In which form a client reads: the first that it accepts and that is served; undefined where there is none. */
export function formOf(accept: string | undefined): 'json' | 'yaml' | undefined {
  if (!accept) return 'json';
  for (const part of accept.split(',')) {
    const type = part.split(';')[0]?.trim();
    if (type === 'application/yaml') return 'yaml';
    if (type === 'application/json' || type === 'application/*' || type === '*/*') return 'json';
  }
  return undefined;
}
