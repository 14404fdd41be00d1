/**
 * One check of a gate over the network. Whoever writes a strategy chooses the address, so the rules are those of
 * platform/address.ts; no redirect is followed, and an answer is bounded in time and size. A check that cannot be made has
 * failed: nobody can say that the revision is good.
 */
import { judge } from '@flotilla/domain/gate/judge';
import { requestOf, type NetworkProbe, type ProbeRequest, type Verdict } from '@flotilla/domain/gate/gate';
import { request } from 'undici';

import { gatesAllowSetting, isAllowedHost } from '../../platform/address.ts';
import { makeDispatcher, OutboundRefused, readBounded, requireTarget } from '../../platform/outbound.ts';

const answerBytesMax = 1 << 20;

export interface AskOptions {
  /** Hosts that may be private or reached by plain http. */
  allow: readonly string[];
  signal: AbortSignal;
}

/** @throws where the hub is stopping, so that nothing is known */
export async function ask(
  probe: NetworkProbe,
  timeoutMs: number,
  { allow, signal }: AskOptions,
): Promise<Verdict> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const wanted = requestOf(probe, timeoutMs);
    return judge(probe, await send(wanted, timeoutMs, { allow, signal: AbortSignal.any([signal, timeout]) }));
  } catch (error) {
    if (signal.aborted) throw error;
    const message = timeout.aborted ? `no answer within ${timeoutMs / 1000} s` : wordsOf(error);
    return { isSuccess: false, message };
  }
}

async function send(
  { url: text, method, headers }: ProbeRequest,
  timeoutMs: number,
  { allow, signal }: AskOptions,
): Promise<{ status: number; body: string }> {
  const url = new URL(text);
  requireTarget(url, allow, gatesAllowSetting);
  const limits = { connectTimeoutMs: timeoutMs, headersTimeoutMs: timeoutMs, bodyTimeoutMs: timeoutMs };
  const dispatcher = makeDispatcher(isAllowedHost(url, allow), limits, gatesAllowSetting);
  try {
    const answer = await request(url, { method, headers: headersOf(headers), dispatcher, signal });
    const body = await readBounded(answer, answerBytesMax);
    return { status: answer.statusCode, body: body.toString() };
  } finally {
    await dispatcher.destroy();
  }
}

function headersOf(wanted: Readonly<Record<string, string>>): Record<string, string> {
  const headers: Record<string, string> = { 'user-agent': 'flotilla-gate' };
  for (const [name, value] of Object.entries(wanted)) headers[name.toLowerCase()] = value;
  return { ...headers, 'accept-encoding': 'identity' };
}

/** For people, without a stack: who is not reached and why. */
function wordsOf(error: unknown): string {
  if (error instanceof OutboundRefused) return error.message;
  const { code } = error as { code?: unknown };
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'no answer: the host has no address';
  return `no answer: ${typeof code === 'string' ? code : 'the connection failed'}`;
}
