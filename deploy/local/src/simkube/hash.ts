/** Names and delays that follow from content, so that the same objects behave the same each time. */

const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

export function fnv32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}

/** JSON with sorted keys and without empty members: equal for objects that mean the same. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined && member !== null)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`);
  return `{${members.join(',')}}`;
}

/** As long as the hashes of real controllers, in their alphabet: no vowels, so that no words appear. */
export function shortHash(value: unknown, collisions = 0): string {
  const text = String(fnv32(`${canonical(value)}${collisions === 0 ? '' : String(collisions)}`));
  return [...text].map((digit) => ALPHABET[digit.charCodeAt(0) % ALPHABET.length]).join('');
}

/** Between `fromMs` and `toMs`, spread by name. */
export function jitterMs(name: string, fromMs: number, toMs: number): number {
  return fromMs + (fnv32(name) % (toMs - fromMs + 1));
}
