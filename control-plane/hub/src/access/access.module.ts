/** Who calls and what they may do. Provides the `Authenticator` of the choke point and, at first start, the first token. */
import { Global, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { Authenticator } from '../http/principal.ts';
import { HubConfig } from '../platform/config.ts';
import { Envelope } from '../platform/envelope.ts';
import { Loggers } from '../platform/logger.ts';
import { Transactions } from '../platform/transaction.ts';
import { AccessController } from './access.controller.ts';
import { ApiTokens } from './apiTokens.ts';
import { TokenAuthenticator } from './authenticate.ts';
import { bootstrapAdmin } from './bootstrap.ts';

@Global()
@Module({
  controllers: [AccessController],
  providers: [ApiTokens, { provide: Authenticator, useClass: TokenAuthenticator }],
  exports: [Authenticator],
})
export class AccessModule implements OnApplicationBootstrap {
  constructor(
    private readonly config: HubConfig,
    private readonly transactions: Transactions,
    private readonly envelope: Envelope,
    private readonly loggers: Loggers,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { bootstrapTokenFile: file, roles } = this.config;
    if (file === null || !roles.includes('api')) return;
    const { transactions, envelope } = this;
    const made = await bootstrapAdmin({ transactions, envelope, file });
    if (made) this.loggers.for('access').info({ file }, 'bootstrap admin token written');
  }
}
