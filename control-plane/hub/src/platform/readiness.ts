/** What must be up before this replica serves. Each part registers a check; `/readyz` and the load balancer ask. */
import type { Lifecycle } from './lifecycle.ts';
import type { Database } from './prisma.ts';

type Check = () => boolean | Promise<boolean>;

const postgresTimeoutMs = 2000;

export class Readiness {
  private readonly checks = new Map<string, Check>();
  private readonly database: Database;
  private readonly lifecycle: Lifecycle;

  constructor(database: Database, lifecycle: Lifecycle) {
    this.database = database;
    this.lifecycle = lifecycle;
  }

  require(name: string, check: Check): void {
    this.checks.set(name, check);
  }

  /** Names of what is not up. */
  async missing(): Promise<string[]> {
    if (this.lifecycle.signal.aborted) return ['stopping'];
    const names = await Promise.all(
      [...this.checks].map(async ([name, check]) =>
        (await Promise.resolve(check()).catch(() => false)) ? [] : [name],
      ),
    );
    return [...((await this.postgresAnswers()) ? [] : ['postgres']), ...names.flat()];
  }

  private async postgresAnswers(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), postgresTimeoutMs);
    this.database.query('SELECT 1').then(
      () => resolve(true),
      () => resolve(false),
    );
    const answers = await promise;
    clearTimeout(timer);
    return answers;
  }
}
