/** Batches of observed state and facts, and their acks. */
import {
  type Fact as FactWire,
  ReportRequestSchema,
  ReportResponseSchema,
  type State as StateWire,
} from '#gen/flotilla/agent/v1/report_pb.js';
import { factBytesMax, factsPerBatchMax, stateBytesMax, statesPerBatchMax } from '../limits.ts';
import type { ReportAck, ReportBatch, WireFact, WireState } from '../messages.ts';
import { decodeBytes, encodeBytes } from './bytes.ts';
import { readCounter, readFilledBytes, readList, readTime, readUuid, writeTime } from './read.ts';

export function decodeReportBatch(bytes: Uint8Array): ReportBatch {
  const batch = decodeBytes(ReportRequestSchema, bytes);
  return {
    fence: readCounter('ReportBatch.fence', batch.fence),
    batch: readCounter('ReportBatch.batch', batch.batch),
    states: readList('ReportBatch.states', batch.states, statesPerBatchMax, readState),
    facts: readList('ReportBatch.facts', batch.facts, factsPerBatchMax, readFact),
    incarnation: readUuid('ReportBatch.incarnation', batch.incarnation),
  };
}

export function encodeReportBatch(batch: ReportBatch): Uint8Array {
  return encodeBytes(ReportRequestSchema, {
    fence: batch.fence,
    batch: batch.batch,
    states: batch.states,
    facts: batch.facts.map(({ number, at, fact }) => ({ number, at: writeTime(at), fact })),
    incarnation: batch.incarnation,
  });
}

export function decodeReportAck(bytes: Uint8Array): ReportAck {
  const ack = decodeBytes(ReportResponseSchema, bytes);
  return {
    batch: readCounter('ReportAck.batch', ack.batch),
    factNumber: readCounter('ReportAck.factNumber', ack.factNumber),
    stale: ack.stale,
  };
}

export function encodeReportAck(ack: ReportAck): Uint8Array {
  return encodeBytes(ReportResponseSchema, ack);
}

function readState(field: string, state: StateWire): WireState {
  return {
    target: readUuid(`${field}.target`, state.target),
    seq: readCounter(`${field}.seq`, state.seq),
    state: readFilledBytes(`${field}.state`, state.state, stateBytesMax),
  };
}

function readFact(field: string, fact: FactWire): WireFact {
  return {
    number: readCounter(`${field}.number`, fact.number),
    at: readTime(`${field}.at`, fact.at),
    fact: readFilledBytes(`${field}.fact`, fact.fact, factBytesMax),
  };
}
