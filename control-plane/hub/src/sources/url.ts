/**
 * Which repository URLs the hub connects to. Whoever may create a repository chooses an address that the hub's own
 * network position then reaches, so the rules are closed: https only, no credentials or control characters in the
 * URL, and plain http or a private address only for hosts the operator has listed (`HUB_SOURCES_ALLOW`).
 * The address a name resolves to is checked again at connect time (platform/outbound.ts).
 */
import { checkTarget, type UrlVerdict } from '../platform/address.ts';

/** Where the operator lists hosts. */
export const sourcesAllowSetting = 'HUB_SOURCES_ALLOW';

const urlCharactersMax = 2048;

/** Checks a URL as a person typed it, or as a server redirected to. `allow` holds lower-case hosts, with or without port. */
export function checkRepositoryUrl(text: string, allow: readonly string[]): UrlVerdict {
  const malformed = checkText(text);
  if (malformed !== null) return { ok: false, reason: malformed };
  const url = URL.parse(text);
  if (url === null) return { ok: false, reason: 'the URL cannot be parsed' };
  if (url.username !== '' || url.password !== '') {
    return { ok: false, reason: 'the URL must not hold credentials: use the credential field' };
  }
  if (url.search !== '' || url.hash !== '') {
    return { ok: false, reason: 'the URL must not hold a query or a fragment' };
  }
  return checkTarget(url, allow, sourcesAllowSetting);
}

function checkText(text: string): string | null {
  if (text.length === 0 || text.length > urlCharactersMax)
    return `the URL must have 1 to ${urlCharactersMax} characters`;
  if (text.startsWith('-')) return "the URL must not start with '-'";
  if (/[\u0000-\u0020\u007f-\u00a0\\]/.test(text)) {
    return 'the URL must not hold blanks, backslashes or control characters';
  }
  return null;
}
