/**
 * What a cluster was asked: JSON lines as Kubernetes' audit log has them, for what reads a real cluster's, and counters.
 * Lines of one turn of the event loop are written together, in order, before the log is closed.
 */
import { createWriteStream, type WriteStream } from 'node:fs';
import { randomUUID } from 'node:crypto';
import type { AuditLog, Exchange } from './exchange.ts';

export function openAuditLog(file: string): AuditLog {
  const stream: WriteStream = createWriteStream(file, { flags: 'a', mode: 0o600 });
  stream.on('error', () => undefined);
  const counts = new Map<string, number>();
  return {
    record: (exchange, stage, receivedMs) => {
      if (/^\/(readyz|livez|healthz)/.test(exchange.info.path)) return;
      stream.write(`${JSON.stringify(eventOf(exchange, stage, receivedMs))}\n`);
      if (stage === 'ResponseStarted') return;
      const { info, request } = exchange;
      const manager = info.query.get('fieldManager') ?? '';
      const key = [info.verb, info.resource, manager, request.headers['user-agent'] ?? ''].join(' ');
      counts.set(key, (counts.get(key) ?? 0) + 1);
    },
    counters: () => Object.fromEntries(counts),
    close: () => new Promise((resolve) => stream.end(() => resolve())),
  };
}

function eventOf(exchange: Exchange, stage: string, receivedMs: number): object {
  const { info, request, response, user, body } = exchange;
  const isDelete = info.verb === 'delete' || info.verb === 'deletecollection';
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: isDelete ? 'Request' : 'Metadata',
    auditID: randomUUID(),
    stage,
    requestURI: request.url,
    verb: info.verb,
    user: { username: user.name, groups: user.groups },
    sourceIPs: ['127.0.0.1'],
    userAgent: request.headers['user-agent'] ?? '',
    ...(info.isResource ? { objectRef: objectRefOf(exchange) } : {}),
    responseStatus: { metadata: {}, code: response.statusCode },
    ...(isDelete && body !== undefined ? { requestObject: body } : {}),
    requestReceivedTimestamp: new Date(receivedMs).toISOString(),
    stageTimestamp: new Date().toISOString(),
  };
}

function objectRefOf({ info, body }: Exchange): object {
  const created = (body as { metadata?: { name?: string } } | undefined)?.metadata?.name;
  const name = info.name === '' && info.verb === 'create' ? (created ?? '') : info.name;
  return {
    resource: info.resource,
    ...(info.namespace === '' ? {} : { namespace: info.namespace }),
    ...(name === '' ? {} : { name }),
    ...(info.group === '' ? {} : { apiGroup: info.group }),
    apiVersion: info.version,
    ...(info.subresource === '' ? {} : { subresource: info.subresource }),
  };
}
