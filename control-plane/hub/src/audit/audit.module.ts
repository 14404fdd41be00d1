/** The audit log: its chain, checkpoints and queries. Events are written by `platform/transaction.ts`, with the change they record. */
import { Module } from '@nestjs/common';
import { AuditController } from './audit.controller.ts';
import { AuditLoops } from './auditLoops.ts';

@Module({ controllers: [AuditController], providers: [AuditLoops] })
export class AuditModule {}
