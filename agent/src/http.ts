/**
 * HTTP of the agent: of undici what keeps connections and sends requests. Its index also loads fetch, WebSockets, caches and
 * mocks, a megabyte of program that would stay in memory.
 */
import type { Dispatcher } from 'undici';
import Agent from 'undici/lib/dispatcher/agent.js';
import undiciRequest from 'undici/lib/api/api-request.js';

export { Agent };

/** `options.origin` says where to. */
export function request(
  dispatcher: Dispatcher,
  options: Dispatcher.RequestOptions,
): Promise<Dispatcher.ResponseData> {
  return undiciRequest.call(dispatcher, options);
}
