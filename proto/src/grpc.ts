/**
 * The service `flotilla.agent.v1.AgentHub` for grpc-js, over bytes: messages are encoded and decoded by the codec,
 * outside of the transport. So one encoded message can be written to many streams, and a message that does not
 * decode is a typed error of the reader instead of a broken stream.
 */
import {
  type ChannelCredentials,
  type Client,
  type ClientDuplexStream,
  type ClientOptions,
  type ClientReadableStream,
  type ClientWritableStream,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  makeClientConstructor,
  type MethodDefinition,
  type requestCallback,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';

const serviceName = 'flotilla.agent.v1.AgentHub';

/** Bytes of one encoded message. */
export type Encoded = Uint8Array;

export const agentHubService = {
  connect: method('Connect', { requestStream: true, responseStream: true }),
  report: method('Report', { requestStream: true, responseStream: true }),
  fetchBundle: method('FetchBundle', { requestStream: false, responseStream: true }),
  answer: method('Answer', { requestStream: true, responseStream: false }),
};

/** What a hub serves. */
export interface AgentHubHandlers extends UntypedServiceImplementation {
  connect: handleBidiStreamingCall<Encoded, Encoded>;
  report: handleBidiStreamingCall<Encoded, Encoded>;
  fetchBundle: handleServerStreamingCall<Encoded, Encoded>;
  answer: handleClientStreamingCall<Encoded, Encoded>;
}

/** What an agent calls. */
export interface AgentHubClient extends Client {
  connect(): ClientDuplexStream<Encoded, Encoded>;
  report(): ClientDuplexStream<Encoded, Encoded>;
  fetchBundle(request: Encoded): ClientReadableStream<Encoded>;
  answer(callback: requestCallback<Encoded>): ClientWritableStream<Encoded>;
}

/** A client on a connection of its own: channels are not pooled, so that bulk never delays control. */
export function createAgentHubClient(
  address: string,
  credentials: ChannelCredentials,
  options: ClientOptions = {},
): AgentHubClient {
  const AgentHub = makeClientConstructor(agentHubService, serviceName);
  const unpooled = { 'grpc.use_local_subchannel_pool': 1, ...options };
  return new AgentHub(address, credentials, unpooled) as unknown as AgentHubClient;
}

function method(
  name: string,
  streams: { requestStream: boolean; responseStream: boolean },
): MethodDefinition<Encoded, Encoded> {
  return {
    path: `/${serviceName}/${name}`,
    ...streams,
    requestSerialize: asBuffer,
    requestDeserialize: asIs,
    responseSerialize: asBuffer,
    responseDeserialize: asIs,
  };
}

function asBuffer(bytes: Encoded): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function asIs(bytes: Buffer): Encoded {
  return bytes;
}
