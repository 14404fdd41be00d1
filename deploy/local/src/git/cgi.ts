/** Reads the head of a CGI program's answer; the body stays in the stream. */
import type { Readable } from 'node:stream';

export interface CgiHead {
  status: number;
  headers: Record<string, string>;
  /** What of the body came with the head. */
  rest: Buffer;
}

const HEAD_BYTES_MAX = 64 * 1024;

export class CgiError extends Error {
  override readonly name = 'CgiError';
}

export async function readCgiHead(stream: Readable): Promise<CgiHead> {
  let buffer: Buffer = Buffer.alloc(0);
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    buffer = Buffer.concat([buffer, chunk as Buffer]);
    const end = buffer.indexOf('\r\n\r\n');
    if (end >= 0)
      return { ...parseHead(buffer.subarray(0, end).toString('latin1')), rest: buffer.subarray(end + 4) };
    if (buffer.length > HEAD_BYTES_MAX) break;
  }
  throw new CgiError('the program gave no head');
}

export function parseHead(text: string): { status: number; headers: Record<string, string> } {
  const headers: Record<string, string> = {};
  let status = 200;
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === 'status') status = Number.parseInt(value, 10);
    else headers[name] = value;
  }
  return { status, headers };
}
