/** The first message of every stream. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  Hello as HelloWire,
  HelloSchema,
  Versions as VersionsWire,
} from '#gen/flotilla/agent/v1/control_pb.js';
import { capabilitiesMax, factsOfClusterMax } from '../limits.ts';
import type { Hello, Versions } from '../messages.ts';
import { WireError } from '../wireError.ts';
import { readCheckpoint, readMarkOrNull, writeCheckpoint, writeMark } from './mark.ts';
import {
  readCounter,
  readDigestOrNull,
  readList,
  readPresent,
  readShortText,
  readSize,
  readText,
  readTime,
  readUuid,
  readUuidOrEmpty,
  writeDigest,
  writeTime,
} from './read.ts';

export function readHello(hello: HelloWire): Hello {
  return {
    session: readUuid('Hello.session', hello.session),
    instance: readUuid('Hello.instance', hello.instance),
    incarnation: readUuid('Hello.incarnation', hello.incarnation),
    standby: hello.standby,
    clusterUid: readUuid('Hello.clusterUid', hello.clusterUid),
    leaseUid: readUuidOrEmpty('Hello.leaseUid', hello.leaseUid),
    leaseTransitions: readCounter('Hello.leaseTransitions', hello.leaseTransitions),
    mark: readMarkOrNull('Hello.mark', hello.mark),
    held: readMarkOrNull('Hello.held', hello.held),
    observedDigest: readDigestOrNull('Hello.observedDigest', hello.observedDigest),
    inventoryDigest: readDigestOrNull('Hello.inventoryDigest', hello.inventoryDigest),
    lastCheckpoint:
      hello.lastCheckpoint === undefined
        ? null
        : readCheckpoint('Hello.lastCheckpoint', hello.lastCheckpoint),
    versions: readVersions(readPresent('Hello.versions', hello.versions)),
    capabilities: readList('Hello.capabilities', hello.capabilities, capabilitiesMax, readShortText),
    clock: readTime('Hello.clock', hello.clock),
    facts: readFacts(hello.facts),
    trustBundleVersion: readSize('Hello.trustBundleVersion', hello.trustBundleVersion, 0x7fffffff),
  };
}

export function writeHello(hello: Hello): MessageInitShape<typeof HelloSchema> {
  return {
    session: hello.session,
    instance: hello.instance,
    incarnation: hello.incarnation,
    standby: hello.standby,
    clusterUid: hello.clusterUid,
    leaseUid: hello.leaseUid,
    leaseTransitions: hello.leaseTransitions,
    ...(hello.mark && { mark: writeMark('Hello.mark', hello.mark) }),
    ...(hello.held && { held: writeMark('Hello.held', hello.held) }),
    ...(hello.observedDigest !== null && {
      observedDigest: writeDigest('Hello.observedDigest', hello.observedDigest),
    }),
    ...(hello.inventoryDigest !== null && {
      inventoryDigest: writeDigest('Hello.inventoryDigest', hello.inventoryDigest),
    }),
    ...(hello.lastCheckpoint && {
      lastCheckpoint: writeCheckpoint('Hello.lastCheckpoint', hello.lastCheckpoint),
    }),
    versions: hello.versions,
    capabilities: hello.capabilities,
    clock: writeTime(hello.clock),
    facts: hello.facts,
    trustBundleVersion: BigInt(hello.trustBundleVersion),
  };
}

function readVersions(versions: VersionsWire): Versions {
  return {
    agent: readShortText('Hello.versions.agent', versions.agent),
    protocol: readSize('Hello.versions.protocol', versions.protocol, 0x7fffffff),
    kubernetes: readText('Hello.versions.kubernetes', versions.kubernetes),
  };
}

/** Into a map without a prototype: the keys are another cluster's. */
function readFacts(facts: Record<string, string>): Record<string, string> {
  const entries = Object.entries(facts);
  if (entries.length > factsOfClusterMax) {
    throw new WireError('Hello.facts', `more than ${String(factsOfClusterMax)} items`);
  }
  const read = Object.create(null) as Record<string, string>;
  for (const [key, value] of entries) {
    read[readShortText('Hello.facts', key)] = readText('Hello.facts', value);
  }
  return read;
}
