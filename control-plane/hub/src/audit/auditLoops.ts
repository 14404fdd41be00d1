/** The worker's two loops: sealing within a second, and a checkpoint every minute. Any number of workers may run them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { HubConfig } from '../platform/config.ts';
import { Envelope } from '../platform/envelope.ts';
import { Hints } from '../platform/hints.ts';
import { Lifecycle } from '../platform/lifecycle.ts';
import { Loggers } from '../platform/logger.ts';
import { runLoop } from '../platform/loop.ts';
import { Observations } from '../platform/observations.ts';
import { checkpointOnce } from './checkpoint.ts';
import { sealOnce } from './seal.ts';

const sealIntervalMs = 1000;
/** Under load a batch waits this long for company. */
const companyMs = 100;
const checkpointIntervalMs = 60_000;

@Injectable()
export class AuditLoops implements OnApplicationBootstrap {
  constructor(
    private readonly config: HubConfig,
    private readonly envelope: Envelope,
    private readonly hints: Hints,
    private readonly lifecycle: Lifecycle,
    private readonly loggers: Loggers,
    private readonly observations: Observations,
  ) {}

  onApplicationBootstrap(): void {
    if (!this.config.roles.includes('worker')) return;
    const { signal } = this.lifecycle;
    const logger = this.loggers.for('audit');
    this.lifecycle.track(
      runLoop({
        name: 'seal',
        intervalMs: sealIntervalMs,
        signal,
        logger,
        hints: { source: this.hints, kinds: ['audit'] },
        run: makeSealing(this.observations, signal),
      }),
    );
    const run = async (): Promise<void> => void (await checkpointOnce(this.observations, this.envelope));
    this.lifecycle.track(
      runLoop({ name: 'checkpoint', intervalMs: checkpointIntervalMs, signal, logger, run }),
    );
  }
}

function makeSealing(observations: Observations, signal: AbortSignal): (hinted: string[]) => Promise<void> {
  let everything = true;
  return async (hinted) => {
    if (hinted.length > 0 && !hinted.includes('events')) return;
    for (;;) {
      const result = await sealOnce(observations, everything);
      if (result.outcome === 'elsewhere') return;
      if (!result.more) everything = false;
      if (!result.more) break;
    }
    await sleep(companyMs, undefined, { signal }).catch(() => undefined);
  };
}
