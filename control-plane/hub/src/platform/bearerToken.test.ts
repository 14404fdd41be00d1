import { expect, it } from 'vitest';
import { mintToken, parseToken } from './bearerToken.ts';

it('reads back what it minted, for its own kind alone', () => {
  const token = mintToken('api');
  expect(token.text).toMatch(/^flt_api_[0-9a-z]{12}_[0-9a-z]{56}$/);
  expect(parseToken('api', ` ${token.text}\n`)).toEqual({ id: token.id, secret: token.secret });
  expect(parseToken('reg', token.text)).toBeNull();
});

it('refuses a token with any one character changed', () => {
  const { text } = mintToken('reg');
  for (let at = 'flt_reg_'.length; at < text.length; at++) {
    const other = text.charAt(at) === 'a' ? 'b' : 'a';
    expect(parseToken('reg', text.slice(0, at) + other + text.slice(at + 1))).toBeNull();
  }
});
