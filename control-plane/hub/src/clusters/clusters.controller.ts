/** `/clusters`. */
import { Body, Controller, Get, Headers, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiHeader, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Authorize } from '../http/authorize.ts';
import { ifMatchVersion } from '../http/etag.ts';
import { Operation } from '../http/operation.ts';
import type { Page } from '../http/pages.ts';
import { CurrentCaller, type Caller } from '../http/principal.ts';
import * as schema from './clusters.schemas.ts';
import { Clusters, type ClusterResource } from './clusters.ts';

const IfMatch = ApiHeader({
  name: 'if-match',
  required: false,
  description: 'refuse when it changed since it was read',
});

@ApiTags('clusters')
@Controller('clusters')
export class ClustersController {
  constructor(private readonly clusters: Clusters) {}

  @Get()
  @Authorize('cluster:read')
  @Operation({ id: 'listClusters', summary: 'clusters by name', answers: schema.clusterPage })
  list(
    @CurrentCaller() caller: Caller,
    @Query({ schema: schema.clusterQuery }) query: z.infer<typeof schema.clusterQuery>,
  ): Promise<Page<ClusterResource>> {
    return this.clusters.list(caller, query);
  }

  @Get(':cluster')
  @Authorize('cluster:read')
  @Operation({ id: 'getCluster', summary: 'one cluster, by name or id', answers: schema.clusterResource })
  get(@CurrentCaller() caller: Caller, @Param('cluster') cluster: string): Promise<ClusterResource> {
    return this.clusters.get(caller, cluster);
  }

  @Patch(':cluster')
  @IfMatch
  @Authorize('cluster:update')
  @Operation({ id: 'patchCluster', summary: 'replace its labels', answers: schema.clusterResource })
  patch(
    @CurrentCaller() caller: Caller,
    @Param('cluster') cluster: string,
    @Body({ schema: schema.patchClusterBody }) body: z.infer<typeof schema.patchClusterBody>,
    @Headers('if-match') ifMatch?: string,
  ): Promise<ClusterResource> {
    return this.clusters.setLabels(caller, cluster, body.labels, ifMatchVersion(ifMatch));
  }

  @Post(':cluster/approve')
  @IfMatch
  @Authorize('cluster:approve')
  @Operation({ id: 'approveCluster', summary: 'let a pending cluster in', answers: schema.clusterResource })
  approve(
    @CurrentCaller() caller: Caller,
    @Param('cluster') cluster: string,
    @Headers('if-match') ifMatch?: string,
  ): Promise<ClusterResource> {
    return this.clusters.approve(caller, cluster, ifMatchVersion(ifMatch));
  }

  @Post(':cluster/pause')
  @IfMatch
  @Authorize('cluster:pause')
  @Operation({ id: 'pauseCluster', summary: 'send it nothing new', answers: schema.clusterResource })
  pause(
    @CurrentCaller() caller: Caller,
    @Param('cluster') cluster: string,
    @Body({ schema: schema.pauseBody }) body: z.infer<typeof schema.pauseBody>,
    @Headers('if-match') ifMatch?: string,
  ): Promise<ClusterResource> {
    return this.clusters.pause(caller, cluster, body, ifMatchVersion(ifMatch));
  }

  @Post(':cluster/resume')
  @IfMatch
  @Authorize('cluster:resume')
  @Operation({ id: 'resumeCluster', summary: 'end a pause', answers: schema.clusterResource })
  resume(
    @CurrentCaller() caller: Caller,
    @Param('cluster') cluster: string,
    @Headers('if-match') ifMatch?: string,
  ): Promise<ClusterResource> {
    return this.clusters.resume(caller, cluster, ifMatchVersion(ifMatch));
  }

  @Post(':cluster/revoke')
  @IfMatch
  @Authorize('cluster:revoke')
  @Operation({
    id: 'revokeCluster',
    summary: 'its certificates count no longer',
    answers: schema.clusterResource,
  })
  revoke(
    @CurrentCaller() caller: Caller,
    @Param('cluster') cluster: string,
    @Body({ schema: schema.reasonBody }) body: z.infer<typeof schema.reasonBody>,
    @Headers('if-match') ifMatch?: string,
  ): Promise<ClusterResource> {
    return this.clusters.revoke(caller, cluster, body?.reason ?? null, ifMatchVersion(ifMatch));
  }
}
