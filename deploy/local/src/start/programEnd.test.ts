import { expect, test } from 'vitest';
import { sentenceOfEnd } from './programEnd.ts';

const end = { name: 'the hub', exit: { code: 1, signal: null }, output: '', logFile: 'hub.log' } as const;
const free = 300 * 1024 * 1024;

test('a program that was killed is named, and that memory may be short', () => {
  expect(sentenceOfEnd({ ...end, exit: { code: null, signal: 'SIGKILL' } }, free)).toBe(
    'the hub was killed, and not by this start, which is what a system does when memory is short: 300 MB are free now; free some, or start with fewer --clusters; its log: hub.log',
  );
});

test.each(['FATAL ERROR: JavaScript heap out of memory', 'spawn ENOMEM', 'fork: Cannot allocate memory'])(
  'a program that said %j had no memory left',
  (output) => {
    expect(sentenceOfEnd({ ...end, output }, free)).toMatch(
      /^the hub ended since it had no memory left: 300 MB/,
    );
  },
);

test('any other end says its code or signal, and where the log is', () => {
  expect(sentenceOfEnd(end, free)).toBe('the hub ended with exit code 1; its log: hub.log');
  expect(sentenceOfEnd({ ...end, logFile: undefined, exit: { code: null, signal: 'SIGTERM' } }, free)).toBe(
    'the hub ended by SIGTERM',
  );
});
