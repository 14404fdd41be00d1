/** Reading the audit log: pages with filters, export, and the verdict on the chain. */
import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { Authorize } from '../http/authorize.ts';
import { Operation } from '../http/operation.ts';
import { pageQuery, type Page } from '../http/pages.ts';
import { Envelope } from '../platform/envelope.ts';
import { Database } from '../platform/prisma.ts';
import {
  auditEventResource,
  auditPage,
  auditVerification,
  type AuditEventResource,
} from './audit.schemas.ts';
import { exportEvents } from './export.ts';
import { listAudit } from './list.ts';
import { verifyAudit, type AuditVerification } from './verify.ts';

const filters = {
  actor: z.string().max(200).optional(),
  action: z.string().max(100).optional(),
  resourceKind: z.string().max(100).optional(),
  resourceId: z.string().max(200).optional(),
  resourceName: z.string().max(300).optional(),
  projectId: z.uuid().optional(),
  outcome: z.enum(['success', 'denied']).optional(),
  correlationId: z.string().max(100).optional(),
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
};
const listQuery = z.object({ ...pageQuery.shape, ...filters });
const exportQuery = z.object({ ...filters, format: z.enum(['jsonl', 'csv']).default('jsonl') });

@ApiTags('audit')
@Controller('audit-events')
@Authorize('audit:read')
export class AuditController {
  constructor(
    private readonly database: Database,
    private readonly envelope: Envelope,
  ) {}

  @Get()
  @Operation({ id: 'listAuditEvents', summary: 'audit events, newest first', answers: auditPage })
  list(@Query({ schema: listQuery }) query: z.infer<typeof listQuery>): Promise<Page<AuditEventResource>> {
    return listAudit(this.database, query);
  }

  @Get('verify')
  @Operation({ id: 'verifyAudit', summary: 'verify the whole chain', answers: auditVerification })
  verify(): Promise<AuditVerification> {
    return verifyAudit(this.database, this.envelope);
  }

  @Get('export')
  @ApiProduces('application/jsonl', 'text/csv')
  @Operation({
    id: 'exportAuditEvents',
    summary: 'all events that match, as JSON lines or CSV',
    answers: auditEventResource,
  })
  export(
    @Query({ schema: exportQuery }) query: z.infer<typeof exportQuery>,
    @Res() reply: FastifyReply,
  ): void {
    const type = query.format === 'csv' ? 'text/csv; charset=utf-8' : 'application/jsonl';
    void reply.header('content-type', type).send(Readable.from(exportEvents(this.database, query)));
  }
}
