/** The streams of this replica by cluster, so that one that counts no longer is cut wherever it runs. */
import type { RefusedReason } from '@flotilla/proto/messages';
import type { Session } from './session.ts';

/** A call beside the control stream. */
export interface SideCall {
  /** The cluster's fence when it began; null: not bound to a session. */
  cut(): void;
}

export class SessionRegistry {
  private readonly working = new Map<string, Session>();
  private readonly standbys = new Map<string, Set<Session>>();
  private readonly sideCalls = new Map<string, Set<SideCall>>();

  /** The working session that was there before is displaced. */
  add(session: Session): void {
    if (session.standby) return void membersOf(this.standbys, session.clusterId).add(session);
    const before = this.working.get(session.clusterId);
    if (before && before.fence > session.fence) return session.refuse('displaced');
    this.working.set(session.clusterId, session);
    before?.refuse('displaced');
  }

  remove(session: Session): void {
    if (this.working.get(session.clusterId) === session) this.working.delete(session.clusterId);
    dropFrom(this.standbys, session.clusterId, session);
  }

  attach(clusterId: string, call: SideCall): () => void {
    membersOf(this.sideCalls, clusterId).add(call);
    return () => dropFrom(this.sideCalls, clusterId, call);
  }

  workingOf(clusterId: string): Session | undefined {
    return this.working.get(clusterId);
  }

  get sessions(): Session[] {
    return [...this.working.values(), ...[...this.standbys.values()].flatMap((set) => [...set])];
  }

  get workingSessions(): Session[] {
    return [...this.working.values()];
  }

  /** Clusters with any stream here. */
  get clusterIds(): string[] {
    return [...new Set([...this.working.keys(), ...this.standbys.keys(), ...this.sideCalls.keys()])];
  }

  has(clusterId: string): boolean {
    return this.working.has(clusterId) || this.standbys.has(clusterId) || this.sideCalls.has(clusterId);
  }

  /** Ends every stream of the cluster. */
  cutAll(clusterId: string, reason: RefusedReason): void {
    this.working.get(clusterId)?.refuse(reason);
    for (const session of this.standbys.get(clusterId) ?? []) session.refuse(reason);
    for (const call of this.sideCalls.get(clusterId) ?? []) call.cut();
  }
}

function membersOf<T>(map: Map<string, Set<T>>, key: string): Set<T> {
  const members = map.get(key) ?? new Set<T>();
  map.set(key, members);
  return members;
}

function dropFrom<T>(map: Map<string, Set<T>>, key: string, member: T): void {
  const members = map.get(key);
  members?.delete(member);
  if (members?.size === 0) map.delete(key);
}
