/** Globs over names: `*` is any run of characters, `?` is one, everything else is itself. Linear in time, whatever the pattern. */

export function matchesGlob(pattern: string, name: string): boolean {
  let at = 0;
  let inPattern = 0;
  let starAt = -1;
  let retryFrom = 0;
  while (at < name.length) {
    const expected = pattern[inPattern];
    if (expected === '*') {
      starAt = inPattern++;
      retryFrom = at;
    } else if (expected === '?' || expected === name[at]) {
      inPattern++;
      at++;
    } else if (starAt >= 0) {
      inPattern = starAt + 1;
      at = ++retryFrom;
    } else {
      return false;
    }
  }
  while (pattern[inPattern] === '*') inPattern++;
  return inPattern === pattern.length;
}

export function matchesAnyGlob(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => matchesGlob(pattern, name));
}
