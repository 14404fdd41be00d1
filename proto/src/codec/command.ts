/** What a hub asks an agent to look at or to stop. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  Command as CommandWire,
  CommandSchema,
  Logs as LogsWire,
} from '#gen/flotilla/agent/v1/control_pb.js';
import { bodyBytesMax } from '../limits.ts';
import type { Command, CommandBody, LogsRequest } from '../messages.ts';
import {
  readDigest,
  readFilledBytes,
  readShortText,
  readSize,
  readText,
  readTime,
  readTimeOrNull,
  readUuid,
  readUuidOrEmpty,
  writeDigest,
  writeTime,
} from './read.ts';

type CommandInit = Exclude<MessageInitShape<typeof CommandSchema>, { $typeName: string }>;

export function readCommand(command: CommandWire): Command {
  return {
    id: readUuid('Command.id', command.id),
    expiresAt: readTime('Command.expiresAt', command.expiresAt),
    command: readBody(command.command),
  };
}

export function writeCommand(command: Command): CommandInit {
  return { id: command.id, expiresAt: writeTime(command.expiresAt), command: writeBody(command.command) };
}

function readBody(body: CommandWire['command']): CommandBody {
  switch (body.case) {
    case 'refresh':
      return {
        kind: 'refresh',
        target: readUuidOrEmpty('Command.refresh.target', body.value.target),
        hard: body.value.hard,
      };
    case 'plan':
      return {
        kind: 'plan',
        target: readUuid('Command.plan.target', body.value.target),
        bundle: readDigest('Command.plan.bundle', body.value.bundle),
        body: readFilledBytes('Command.plan.body', body.value.body, bodyBytesMax),
      };
    case 'diff':
      return { kind: 'diff', target: readUuid('Command.diff.target', body.value.target) };
    case 'logs':
      return { kind: 'logs', ...readLogs(body.value) };
    case 'terminate':
      return {
        kind: 'terminate',
        target: readUuid('Command.terminate.target', body.value.target),
        hook: readText('Command.terminate.hook', body.value.hook),
      };
    case 'sendBundle':
      return { kind: 'sendBundle', digest: readDigest('Command.sendBundle.digest', body.value.digest) };
    case undefined:
      return { kind: 'unknown' };
  }
}

function writeBody(body: CommandBody): NonNullable<CommandInit['command']> {
  switch (body.kind) {
    case 'refresh':
      return { case: 'refresh', value: { target: body.target, hard: body.hard } };
    case 'plan':
      return {
        case: 'plan',
        value: {
          target: body.target,
          bundle: writeDigest('Command.plan.bundle', body.bundle),
          body: body.body,
        },
      };
    case 'diff':
      return { case: 'diff', value: { target: body.target } };
    case 'logs':
      return { case: 'logs', value: writeLogs(body) };
    case 'terminate':
      return { case: 'terminate', value: { target: body.target, hook: body.hook } };
    case 'sendBundle':
      return {
        case: 'sendBundle',
        value: { digest: writeDigest('Command.sendBundle.digest', body.digest) },
      };
    case 'unknown':
      return { case: undefined };
  }
}

function readLogs(logs: LogsWire): LogsRequest {
  return {
    target: readUuid('Command.logs.target', logs.target),
    namespace: readShortText('Command.logs.namespace', logs.namespace),
    pod: readShortText('Command.logs.pod', logs.pod),
    container: readText('Command.logs.container', logs.container),
    tailLines: readSize('Command.logs.tailLines', logs.tailLines, 0x7fffffff),
    follow: logs.follow,
    previous: logs.previous,
    since: readTimeOrNull('Command.logs.since', logs.since),
  };
}

function writeLogs(logs: LogsRequest) {
  const { since, ...rest } = logs;
  return {
    target: rest.target,
    namespace: rest.namespace,
    pod: rest.pod,
    container: rest.container,
    tailLines: BigInt(rest.tailLines),
    follow: rest.follow,
    previous: rest.previous,
    ...(since && { since: writeTime(since) }),
  };
}
