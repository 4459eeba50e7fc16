/**
 * Streams that broke, as events with what PostgreSQL said of it. Invariants: what an operation does on purpose is no error; one whose words can't be
 * asked for is told without them, after two seconds at the latest; never more than `mostAsked` nodes are asked at once.
 */
import type { EngineEvent } from '../monitoring/model';
import { type GroupSnapshot, isFresh, type NodeSnapshot } from '../operations/core/snapshot';
import type { LogPage } from '../runtime/engine-api';
import { divergence } from './core/ranking';
import type { Problem } from './model';

type Draft = Omit<EngineEvent, 'eventId' | 'timestamp'>;

const mostAsked = 16;
/** What a standby said longer ago is about something else. */
const saidWithinMs = 60_000;

export type ReplicationErrorSources = {
  group(name: string): GroupSnapshot | undefined;
  /** The newest lines of level FATAL in the log of a node's server. */
  fatal(node: string): Promise<LogPage>;
  /** Of the leadership; what was asked for under another one is not told. */
  term(): number;
  leaseMs(): number;
  nowMs(): number;
  emit(event: Draft): void;
};

export class ReplicationErrors {
  #asked = 0;

  constructor(private readonly sources: ReplicationErrorSources) {}

  begun(problems: readonly Problem[]): void {
    for (const problem of problems) {
      const group = problem.group === null ? undefined : this.sources.group(problem.group);
      const draft = group ? replicationErrorOf(problem, group, this.sources.leaseMs()) : null;
      if (draft !== null) void this.#tell(draft.event, draft.standby);
    }
  }

  async #tell(event: Draft, standby: string | null): Promise<void> {
    const term = this.sources.term();
    const said = standby === null ? null : await this.#saidBy(standby);
    if (this.sources.term() !== term) return;
    this.sources.emit({ ...event, payload: { ...event.payload, postgres_said: said } });
  }

  async #saidBy(node: string): Promise<string | null> {
    if (this.#asked >= mostAsked) return null;
    this.#asked++;
    try {
      const { lines } = await this.sources.fatal(node);
      // The receiver is no session: it has neither user nor database.
      const own = lines.findLast((line) => line.user === null && line.database === null);
      const recent = own !== undefined && this.sources.nowMs() - Date.parse(own.at) <= saidWithinMs;
      return recent ? own.message : null;
    } catch {
      return null;
    } finally {
      this.#asked--;
    }
  }
}

/** `standby`: whose server may say why. Null: the problem is no broken stream. */
export function replicationErrorOf(
  problem: Problem,
  group: GroupSnapshot,
  leaseMs: number,
): { readonly event: Draft; readonly standby: string | null } | null {
  const { rule, severity, node, sentence, remedy } = problem;
  if (severity === 'info' || node === null) return null;
  const member = group.members.find((one) => one.record.id === node);
  const cause =
    rule === 'slot-lost' ? 'slot_lost' : rule === 'standby-not-streaming' ? causeOf(member, group, leaseMs) : null;
  if (cause === null) return null;
  const standby = rule === 'standby-not-streaming' ? node : null;
  const event: Draft = {
    category: 'replication',
    eventType: 'replication_error',
    severity: 'error',
    source: `${standby === null ? 'node' : 'replica'}:${node}`,
    payload: {
      ...(standby === null ? {} : { replica_id: standby }),
      node_id: node,
      group: group.record.name,
      cause,
      sentence,
      remedy,
      timeline: member?.report?.postgres.timeline ?? null,
      lsn: member?.report?.postgres.lsn ?? null,
    },
  };
  return { event, standby };
}

/** Null: it never had data to go on from, it is being copied. */
function causeOf(member: NodeSnapshot | undefined, group: GroupSnapshot, leaseMs: number): string | null {
  const postgres = member?.report?.postgres;
  if (member === undefined || postgres === undefined || postgres.state === 'absent') return null;
  if (divergence(postgres, group) !== null) return 'timeline_diverged';
  const primary = group.members.find((one) => one.record.id === group.record.primary);
  const slots = primary && isFresh(primary, leaseMs) ? (primary.report?.postgres.slots ?? []) : [];
  const own = slots.find((slot) => slot.name === `rustydb_${member.record.id.replaceAll('-', '_')}`);
  if (own !== undefined && (own.walStatus === 'lost' || own.invalidationReason !== null)) return 'slot_lost';
  if (postgres.state !== 'standby') return 'server_not_following';
  return postgres.walReceiver === null ? 'wal_receiver_gone' : 'wal_receiver_not_streaming';
}
