/** People's verbs on a rollout: load → domain/rollout → save, in one transaction with its audit event. What follows is the next tick's. */
import { randomUUID } from 'node:crypto';

import { shareEvents } from '@flotilla/domain/rollout/alike';
import { changesOf } from '@flotilla/domain/rollout/changes';
import type { Proposal } from '@flotilla/domain/rollout/proposal';
import type { FleetState, Rollout } from '@flotilla/domain/rollout/state';
import type { VerbResult } from '@flotilla/domain/rollout/step';
import * as verbs from '@flotilla/domain/rollout/verbs';
import { Injectable } from '@nestjs/common';

import { Applications, type ApplicationRef } from '../applications/applications.ts';
import type { Caller } from '../http/principal.ts';
import { conflict, notFound, unprocessable } from '../http/problem.ts';
import { DataKeys } from '../platform/dataKeys.ts';
import { Transactions, type HubTransaction } from '../platform/transaction.ts';
import type { RolloutAction, RolloutActionResult } from './action.ts';
import { Drops } from './drops.ts';
import * as rows from './fleet.store.ts';
import { rolloutOf } from './fleetRows.ts';
import { Outages } from './outages.ts';
import * as saved from './save.store.ts';
import { prepareTargets, saveTargets } from './targets.store.ts';
import { load, type Context, type TickOptions } from './tick.ts';

@Injectable()
export class RolloutActions {
  private readonly options: TickOptions;

  constructor(
    private readonly transactions: Transactions,
    private readonly applications: Applications,
    dataKeys: DataKeys,
  ) {
    this.options = { transactions, drops: new Drops(dataKeys), outages: new Outages() };
  }

  /** @throws Problem where domain/rollout refuses, with its reason */
  async act(caller: Caller, ref: ApplicationRef, action: RolloutAction): Promise<RolloutActionResult> {
    const { id, name } = await this.applications.get(ref);
    return this.transactions.inTransaction(
      caller.actor,
      async (tx) => {
        const application = await rows.lockApplication(tx, id);
        if (application === null) throw notFound('application');
        if (application.removal !== null) throw conflict(`application "${name}" is being removed`);
        const messages =
          action.action === 'confirmLeaving'
            ? await this.confirmLeaving(tx, application, action.targets)
            : await this.applyVerb(tx, application, caller.principal.name, action);
        tx.audit({
          action: `rollout.${action.action}`,
          resource: { kind: 'application', id, name },
          projectId: application.projectId,
          reason: { ...action, events: messages },
        });
        for (const kind of ['rollout', 'application', 'status'] as const) tx.hint(kind, id);
        return { application: name, action: action.action, events: messages };
      },
      caller,
    );
  }

  private async confirmLeaving(
    tx: HubTransaction,
    { id }: rows.ApplicationRow,
    expected: number | undefined,
  ): Promise<string[]> {
    const confirmed = await saved.confirmLeaving(tx, id);
    if (confirmed === 0) throw conflict('no leaving targets wait for confirmation');
    if (expected !== undefined && expected !== confirmed)
      throw conflict(`${confirmed} targets wait for confirmation by now, not ${expected}: look again`);
    return [`${confirmed} targets may leave`];
  }

  private async applyVerb(
    tx: HubTransaction,
    application: rows.ApplicationRow,
    by: string,
    action: Exclude<RolloutAction, { action: 'confirmLeaving' }>,
  ): Promise<string[]> {
    const context = await load(this.options, tx, application);
    const of = action.action === 'rollback' ? await rolledBack(tx, context) : null;
    const result = resultOf(context, by, action, of);
    if (!result.ok) throw conflict(result.reason);
    const { before } = context;
    const changes = changesOf(before, result.state);
    const { rejected } = result.state;
    await saved.saveApplication(
      tx,
      { ...application, syncRequest: null },
      storedOf(result.state, application),
    );
    await saved.saveRollouts(tx, application, context.revisions, changes.rollouts);
    await saved.saveOutcomes(tx, context.targets, changes.outcomes);
    await saveTargets(tx, prepareTargets({ targets: changes.targets, rejected, entries: [] }), new Map());
    await saved.saveRejected(tx, application.id, before.rejected, rejected);
    await saved.saveEvents(tx, shareEvents(result.events));
    return result.events.map(({ kind, message }) => `${kind}: ${message}`);
  }
}

function resultOf(
  context: Context,
  by: string,
  action: Exclude<RolloutAction, { action: 'confirmLeaving' }>,
  of: Rollout | null,
): VerbResult {
  const { before: state, seen, nowMs } = context;
  switch (action.action) {
    case 'start':
      return verbs.start(state, proposalOf(context, by, action.revision), seen, nowMs);
    case 'pause':
      return verbs.pause(state, by, action.reason, nowMs);
    case 'resume':
      return verbs.resume(state, by, nowMs);
    case 'approve':
      return verbs.approve(state, action.wave, by, nowMs);
    case 'promote':
      return verbs.promote(state, by, nowMs);
    case 'abort':
      return verbs.abort(state, by, action.reason, nowMs);
    case 'rollback':
      if (of === null) return { ok: false, reason: 'there is no rollout to roll back' };
      return verbs.rollback(state, { id: randomUUID(), of, by, reason: action.reason }, seen, nowMs);
    case 'resumeLane':
      return verbs.resumeLane(state, by, nowMs);
    case 'confirmDrop':
      return verbs.confirmDrop(state, action.revision, by, nowMs);
    default:
      return targetResultOf(context, by, action);
  }
}

function targetResultOf(
  context: Context,
  by: string,
  action: Extract<RolloutAction, { cluster: string }>,
): VerbResult {
  const { before: state, nowMs } = context;
  const target = targetOf(context, action.cluster);
  switch (action.action) {
    case 'retry':
      return verbs.retry(state, target, by, nowMs);
    case 'skip':
      return verbs.skip(state, target, by, action.reason, nowMs);
    case 'unpin':
      return verbs.unpin(state, target, by, nowMs);
    case 'pin': {
      requireRevision(context, action.revision);
      const expiresAtMs = action.expiresAt === null ? null : Date.parse(action.expiresAt);
      return verbs.pin(
        state,
        target,
        { revision: action.revision, reason: action.reason, expiresAtMs },
        by,
        nowMs,
      );
    }
  }
}

function proposalOf(context: Context, by: string, revision: number): Proposal {
  requireRevision(context, revision);
  return { id: randomUUID(), revision, strategy: context.strategy, automated: true, by };
}

/** @throws Problem unless it renders and is kept */
function requireRevision({ revisions }: Context, number: number): void {
  const revision = revisions.get(number);
  if (revision === undefined || revision.variant === null) {
    throw unprocessable(
      `revision ${number} cannot be assigned: it ${revision?.error ?? 'is not there, or not kept any more'}`,
    );
  }
}

function targetOf({ targets }: Context, cluster: string): string {
  const found = targets.find(
    ({ clusterId, clusterName }) => clusterName === cluster || clusterId === cluster,
  );
  if (found === undefined) throw unprocessable(`the application is not on a cluster "${cluster}"`);
  return found.id;
}

async function rolledBack(tx: HubTransaction, { before, application }: Context): Promise<Rollout | null> {
  if (before.open !== null) return before.open;
  const last = await rows.readLastCompleted(tx, application.id);
  return last === null ? null : rolloutOf(last.rollout, last.outcomes);
}

function storedOf(state: FleetState, { rolloutState }: rows.ApplicationRow) {
  return {
    ...rolloutState,
    confirmedDrops: [...state.confirmedDrops],
    laneDrops: [...state.laneDrops],
    laneForgiven: state.laneForgiven,
  };
}
