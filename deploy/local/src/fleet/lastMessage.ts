/** Hub, agents and simkube end with one JSON line when they cannot start; its `msg` is for people. */
export function lastMessageOf(output: string): string {
  const line = output.trim().split('\n').at(-1) ?? '';
  try {
    return (JSON.parse(line) as { msg?: string }).msg ?? line;
  } catch {
    return line;
  }
}
