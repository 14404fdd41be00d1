/**
 * BullMQ on its Postgres backend, or on Redis where REDIS_URL is set. A job is a hint to work: what has to be done is in
 * rows, and a lost queue is rebuilt from them.
 */
import {
  createPostgresBackend,
  createRedisBackend,
  withBackend,
  type BackendFactory,
  type IQueueBackend,
  type Processor,
  type Queue,
  type QueueOptions,
  type Worker,
  type WorkerOptions,
} from 'bullmq';
import type { HubConfig } from './config.ts';
import type { Logger } from './logger.ts';

export type WorkerSettings = Omit<WorkerOptions, 'connection'>;

export class Queues {
  private readonly classes: ReturnType<typeof withBackend<IQueueBackend, unknown>>;
  private readonly connection: unknown;
  private readonly logger: Logger;
  private readonly open: { close(): Promise<unknown> }[] = [];

  constructor(config: HubConfig, logger: Logger) {
    const factory = config.redisUrl === null ? createPostgresBackend : createRedisBackend;
    this.classes = withBackend(factory as unknown as BackendFactory<IQueueBackend, unknown>);
    this.connection =
      config.redisUrl === null
        ? {
            connectionString: config.databaseDirectUrl,
            max: 2,
            migrate: true,
            application_name: 'flotilla-hub-queues',
          }
        : { url: config.redisUrl, maxRetriesPerRequest: null };
    this.logger = logger;
  }

  queue<Data = unknown>(name: string, options: Omit<QueueOptions, 'connection'> = {}): Queue<Data> {
    const queue = new this.classes.Queue<Data>(name, { ...options, connection: this.connection });
    queue.on('error', (error: Error) => this.logger.warn({ err: error, queue: name }, 'queue error'));
    this.open.push(queue);
    return queue as unknown as Queue<Data>;
  }

  worker<Data = unknown>(
    name: string,
    process: Processor<Data>,
    settings: WorkerSettings = {},
  ): Worker<Data> {
    const worker = new this.classes.Worker<Data>(name, process as never, {
      ...settings,
      connection: this.connection,
    });
    worker.on('error', (error: Error) => this.logger.warn({ err: error, queue: name }, 'queue worker error'));
    worker.on('failed', (job, error: Error) => {
      this.logger.warn({ err: error, queue: name, job: job?.name }, 'job failed');
    });
    this.open.push(worker);
    return worker as unknown as Worker<Data>;
  }

  /** Waits for running jobs, then closes. */
  async close(): Promise<void> {
    await Promise.all(this.open.toReversed().map((item) => item.close().catch(() => undefined)));
  }
}
