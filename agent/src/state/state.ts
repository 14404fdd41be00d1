/** Everything the agent keeps, opened once: on the volume the bundles, the cache and the facts; in the cluster the inventory. */
export interface AgentState {
  placeholder: never;
}
