/** People's verbs on a rollout: load → domain/rollout → save, in one transaction with its audit event. What follows is the next tick's. */
import { shareEvents } from '@flotilla/domain/rollout/alike';
import type { Rollout } from '@flotilla/domain/rollout/state';
import { Injectable } from '@nestjs/common';

import { Applications, type ApplicationRef } from '../applications/applications.ts';
import type { Caller } from '../http/principal.ts';
import { conflict, notFound } from '../http/problem.ts';
import { DataKeys } from '../platform/dataKeys.ts';
import { Transactions, type HubTransaction } from '../platform/transaction.ts';
import type { RolloutAction, RolloutActionResult } from './action.ts';
import { changedBy, saveRollouts, storedState } from './changed.ts';
import { Drops } from './drops.ts';
import * as rows from './fleet.store.ts';
import { rolloutOf } from './fleetRows.ts';
import { load, type Context, type TickOptions } from './load.ts';
import { Outages } from './outages.ts';
import { saveOutcomes } from './outcomes.store.ts';
import * as saved from './save.store.ts';
import { prepareTargets, saveTargets } from './targets.store.ts';
import { confirmInventory, requireAsShown, type Confirmed } from './rebuilt.ts';
import { applyVerb, type Done, type Verb } from './verb.ts';

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
        if (application.removal !== null && action.action !== 'confirmInventory')
          throw conflict(`application "${name}" is being removed`);
        const { stage, events } = await this.carryOut(tx, application, caller.principal.name, action);
        tx.audit({
          action: `rollout.${action.action}`,
          resource: { kind: 'application', id, name },
          projectId: application.projectId,
          reason: { ...action, ...(stage !== '' && { stage }), events },
        });
        for (const kind of ['rollout', 'application', 'status'] as const) tx.hint(kind, id);
        return { application: name, action: action.action, stage, events };
      },
      caller,
    );
  }

  private async carryOut(
    tx: HubTransaction,
    application: rows.ApplicationRow,
    by: string,
    action: RolloutAction,
  ): Promise<Said> {
    switch (action.action) {
      case 'confirmLeaving':
        return { stage: '', events: await this.confirmLeaving(tx, application, action.targets) };
      case 'confirmInventory':
        return this.confirmInventory(tx, application, by, action.targets);
      default:
        return this.applyVerb(tx, application, by, action);
    }
  }

  private async confirmInventory(
    tx: HubTransaction,
    application: rows.ApplicationRow,
    by: string,
    expected: number | undefined,
  ): Promise<Said> {
    const context = await load(this.options, tx, application, null);
    const { confirmed, ...done } = confirmInventory(context, by, expected);
    await save(tx, context, done);
    return { stage: '', events: [`${confirmed} clusters may delete by their rebuilt inventory`] };
  }

  private async confirmLeaving(
    tx: HubTransaction,
    { id }: rows.ApplicationRow,
    expected: number | undefined,
  ): Promise<string[]> {
    const confirmed = await saved.confirmLeaving(tx, id);
    if (confirmed === 0) throw conflict('no leaving targets wait for confirmation');
    requireAsShown('targets', confirmed, expected);
    return [`${confirmed} targets may leave`];
  }

  private async applyVerb(
    tx: HubTransaction,
    application: rows.ApplicationRow,
    by: string,
    action: Verb,
  ): Promise<Said> {
    const context = await load(this.options, tx, application, null);
    const completed = action.action === 'rollback' ? await lastCompleted(tx, context) : [];
    const done = applyVerb(context, by, action, completed);
    await save(tx, context, { ...done, operations: {}, entries: [] });
    const events = done.events.map(({ kind, message }) => `${kind}: ${message}`);
    return { stage: done.stage?.stage.name ?? '', events };
  }
}

async function save(
  tx: HubTransaction,
  context: Context,
  done: Done & Pick<Confirmed, 'operations' | 'entries'>,
): Promise<void> {
  const { application, targets } = context;
  const changed = changedBy(context, done);
  const operations = { ...application.rolloutState.operations, ...done.operations };
  await saved.saveApplication(
    tx,
    { ...application, syncRequest: null },
    { ...storedState(changed, {}, []), ...(Object.keys(operations).length > 0 && { operations }) },
  );
  await saveRollouts(tx, context, changed);
  await saveOutcomes(tx, context.outcomes, targets, changed.outcomes);
  const generations = await tx.touchClusters(done.entries.map(({ clusterId }) => clusterId));
  await saveTargets(tx, prepareTargets({ ...changed, entries: done.entries }), generations);
  await saved.saveRejected(tx, application.id, changed.rejectedBefore, changed.rejected);
  await saved.saveEvents(tx, shareEvents([...context.endings, ...done.events]));
}

interface Said {
  stage: string;
  events: string[];
}

async function lastCompleted(
  tx: HubTransaction,
  { application, stages }: Context,
): Promise<(Rollout | null)[]> {
  const completed: (Rollout | null)[] = [];
  for (const { memory } of stages) {
    const last = await rows.readLastCompleted(tx, application.id, memory);
    completed.push(last === null ? null : rolloutOf(last.rollout, last.outcomes));
  }
  return completed;
}
