/** Keeps the last cluster of an engine for later: the fleet starts without it, and a step lets it join. */
import type { PreparedEngine } from '../start/engine.ts';
import type { FleetCluster } from '../start/fleetCluster.ts';

export interface WithSpare {
  engine: PreparedEngine;
  /** Once the engine was started. */
  spare: () => FleetCluster;
}

export function withSpare(engine: PreparedEngine): WithSpare {
  let kept: FleetCluster | undefined;
  return {
    engine: {
      ...engine,
      start: async (dir, ports) => {
        const started = await engine.start(dir, ports);
        kept = started.clusters.at(-1);
        return { ...started, clusters: started.clusters.slice(0, -1) };
      },
    },
    spare: () => {
      if (kept === undefined) throw new Error('the engine was not started');
      return kept;
    },
  };
}
