/** Walks the whole chain and says where it breaks, what is not sealed yet, and whether it still reaches its checkpoints. */
import { chainStart, verifyPage, type ChainPosition } from '@flotilla/domain/audit/chain';
import { sha256 } from '../platform/digest.ts';
import type { Envelope } from '../platform/envelope.ts';
import type { Database } from '../platform/prisma.ts';
import { countUnsealed, listCheckpoints, readHubId, sealedPage, type CheckpointRow } from './audit.store.ts';
import { isSignedByHub } from './checkpoint.ts';

export interface AuditVerification {
  result: 'Good' | 'Tampered' | 'Incomplete';
  checked: number;
  unsealed: number;
  firstBadSeq: number | null;
  message: string;
}

const pageRows = 2000;

export async function verifyAudit(database: Database, envelope: Envelope): Promise<AuditVerification> {
  const unsealed = await countUnsealed(database);
  const checkpoints = await listCheckpoints(database);
  const { id: hubId } = await readHubId({ sql: (text, params) => database.query(text, params) });
  const forged = checkpoints.find((checkpoint) => !isSignedByHub(envelope, hubId, checkpoint));
  if (forged) return tampered(forged.seq, 0, unsealed, 'a checkpoint is not signed by this hub');
  let position: ChainPosition = chainStart;
  for (;;) {
    const page = await sealedPage(database, position.seq, pageRows);
    const verdict = verifyPage(sha256, position, page, 0);
    if (verdict.type === 'tampered')
      return tampered(verdict.seq, Number(verdict.seq) - 1, unsealed, verdict.reason);
    const missed = checkpoints.find((checkpoint) => isContradicted(checkpoint, page));
    if (missed)
      return tampered(missed.seq, Number(position.seq), unsealed, 'the chain differs from a checkpoint');
    position = verdict.upTo;
    if (page.length < pageRows) break;
  }
  const beyond = checkpoints.find(({ seq }) => seq > position.seq);
  if (beyond)
    return tampered(position.seq + 1n, Number(position.seq), unsealed, 'the chain ends before a checkpoint');
  return finished(Number(position.seq), unsealed);
}

function isContradicted(
  checkpoint: CheckpointRow,
  page: readonly { seal: { seq: bigint; hash: string } }[],
): boolean {
  const first = page[0];
  if (!first) return false;
  const sealed = page[Number(checkpoint.seq - first.seal.seq)];
  return sealed !== undefined && sealed.seal.seq === checkpoint.seq && sealed.seal.hash !== checkpoint.hash;
}

function tampered(seq: bigint, checked: number, unsealed: number, message: string): AuditVerification {
  return { result: 'Tampered', checked, unsealed, firstBadSeq: Number(seq), message };
}

function finished(checked: number, unsealed: number): AuditVerification {
  if (unsealed === 0)
    return { result: 'Good', checked, unsealed, firstBadSeq: null, message: 'the chain is whole' };
  return {
    result: 'Incomplete',
    checked,
    unsealed,
    firstBadSeq: null,
    message: 'the chain is whole as far as it is sealed',
  };
}
