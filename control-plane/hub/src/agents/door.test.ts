/** Who is let in when: with sockets that only say who they are and when they are gone. */
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Door } from './door.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

class Arriving extends EventEmitter {
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort: number;
  destroyed = false;
  readableLength = 0;
  constructor(port: number) {
    super();
    this.remotePort = port;
  }
  /** Its first bytes. */
  speak(): void {
    this.readableLength = 500;
    this.emit('readable');
  }
  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

function doorOf(handshakesMax: number) {
  const inside: number[] = [];
  const door = new Door({
    handshakesMax,
    handshakeMs: 2000,
    patienceMs: 10_000,
    outsideMax: 100,
    letIn: ({ remotePort }) => void inside.push(remotePort ?? 0),
  });
  const arriving = [1, 2, 3, 4, 5].map((port) => new Arriving(port));
  for (const socket of arriving) {
    door.arrive(socket as unknown as Socket);
    socket.speak();
  }
  const heard = (port: number): void => door.heard(`127.0.0.1:${port}`);
  return { door, inside, arriving, heard };
}

test('so many at a time, the others in the order in which they came, each when another was heard or has gone', () => {
  const { inside, arriving, heard } = doorOf(2);
  expect(inside).toEqual([1, 2]);
  heard(2);
  expect(inside).toEqual([1, 2, 3]);
  arriving[0]?.destroy();
  expect(inside).toEqual([1, 2, 3, 4]);
});

test('later calls of the same connection, and its end, let nobody else in', () => {
  const { inside, arriving, heard } = doorOf(2);
  heard(1);
  heard(1);
  arriving[0]?.destroy();
  expect(inside).toEqual([1, 2, 3]);
});

test('a handshake that goes no further keeps nobody out for long', () => {
  const { inside } = doorOf(2);
  vi.advanceTimersByTime(2000);
  expect(inside).toEqual([1, 2, 3, 4]);
  vi.advanceTimersByTime(2000);
  expect(inside).toEqual([1, 2, 3, 4, 5]);
});

test('who has waited too long is sent away, before anything was spent on it', () => {
  const inside: number[] = [];
  const letIn = ({ remotePort }: Socket): void => void inside.push(remotePort ?? 0);
  const door = new Door({
    handshakesMax: 1,
    handshakeMs: 60_000,
    patienceMs: 10_000,
    outsideMax: 100,
    letIn,
  });
  const [first, early, late] = [new Arriving(1), new Arriving(2), new Arriving(3)];
  for (const socket of [first, early]) {
    door.arrive(socket as unknown as Socket);
    socket.speak();
  }
  vi.advanceTimersByTime(6000);
  door.arrive(late as unknown as Socket);
  late.speak();
  vi.advanceTimersByTime(4000);
  expect([early.destroyed, late.destroyed]).toEqual([true, false]);
  door.heard('127.0.0.1:1');
  expect(inside).toEqual([1, 3]);
  vi.advanceTimersByTime(20_000);
  expect(late.destroyed).toBe(false);
});

test('a door that is closed sends away who waits', () => {
  const { door, inside, arriving } = doorOf(2);
  door.close();
  expect(arriving.map(({ destroyed }) => destroyed)).toEqual([false, false, true, true, true]);
  vi.advanceTimersByTime(60_000);
  expect(inside).toEqual([1, 2]);
});

test('a connection that says nothing takes no place, and is sent away', () => {
  const inside: number[] = [];
  const options = { handshakesMax: 1, handshakeMs: 2000, patienceMs: 10_000, outsideMax: 2 };
  const door = new Door({ ...options, letIn: ({ remotePort }) => void inside.push(remotePort ?? 0) });
  const [silent, ending, speaking, fourth] = [1, 2, 3, 4].map((port) => new Arriving(port));
  door.arrive(silent as unknown as Socket);
  door.arrive(ending as unknown as Socket);
  door.arrive(fourth as unknown as Socket);
  expect(fourth?.destroyed).toBe(true);
  ending?.emit('readable');
  expect(ending?.destroyed).toBe(true);
  door.arrive(speaking as unknown as Socket);
  speaking?.speak();
  expect(inside).toEqual([3]);
  vi.advanceTimersByTime(10_000);
  expect([silent?.destroyed, speaking?.destroyed]).toEqual([true, false]);
});

test('who has gone meanwhile is passed over', () => {
  const { inside, arriving, heard } = doorOf(2);
  arriving[2]?.destroy();
  heard(1);
  expect(inside).toEqual([1, 2, 4]);
});
