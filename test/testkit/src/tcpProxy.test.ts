import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from './eventually.ts';
import { TcpProxy } from './tcpProxy.ts';

describe('the TCP proxy', () => {
  let echo: Server;
  let proxy: TcpProxy;

  beforeAll(async () => {
    echo = createServer((socket) => socket.on('error', () => {}).pipe(socket));
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    proxy = await TcpProxy.start({ port: (echo.address() as AddressInfo).port });
  });

  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    echo.close();
  });

  const dial = async (): Promise<Socket> => {
    const socket = connect(proxy.port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  };

  test('passes and counts bytes', async () => {
    const socket = await dial();
    const before = { up: proxy.bytesUp, down: proxy.bytesDown };
    socket.write('hello');
    expect(String((await once(socket, 'data'))[0])).toBe('hello');
    expect([proxy.bytesUp - before.up, proxy.bytesDown - before.down]).toEqual([5, 5]);
    socket.destroy();
  });

  test('passes nothing while it holds, and all of it afterwards', async () => {
    const socket = await dial();
    let received = '';
    socket.on('data', (chunk) => (received += String(chunk)));
    socket.write('a');
    await eventually('the first byte back', () => received === 'a');
    proxy.hold();
    socket.write('b');
    const other = await dial();
    other.write('c');
    expect(received).toBe('a');
    proxy.release();
    await eventually('the held byte back', () => received === 'ab');
    socket.destroy();
    other.destroy();
  });

  test('cuts what is open and refuses what is new until it is restored', async () => {
    const socket = await dial();
    await eventually('the connection to be open', () => proxy.openConnections >= 1);
    const closed = once(socket, 'close');
    proxy.cut();
    await closed;
    const refused = connect(proxy.port, '127.0.0.1');
    refused.on('error', () => {});
    await new Promise((resolve) => refused.once('close', resolve));
    proxy.restore();
    const again = await dial();
    again.write('x');
    expect(String((await once(again, 'data'))[0])).toBe('x');
    again.destroy();
  });

  test('keeps back an answer of a size, and passes it on when released', async () => {
    const socket = await dial();
    let received = '';
    socket.on('data', (chunk) => (received += String(chunk)));
    const held = proxy.holdAnswer(4);
    socket.write('ab');
    await eventually('the short answer back', () => received === 'ab');
    socket.write('cdef');
    expect(await held.reached).toBe(4);
    expect(received).toBe('ab');
    held.release();
    await eventually('the held answer back', () => received === 'abcdef');
    socket.destroy();
  });

  test('lets new connections wait until they are admitted', async () => {
    proxy.queue();
    const socket = await dial();
    let received = '';
    socket.on('data', (chunk) => (received += String(chunk)));
    socket.write('late');
    const gone = await dial();
    gone.destroy();
    expect(received).toBe('');
    proxy.admit();
    await eventually('the answer back', () => received === 'late');
    socket.destroy();
  });
});
