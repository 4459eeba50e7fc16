/** One walsender and whom it feeds; a session of a client; how a server ended. */
import type { Process } from './event-queue';
import type { Names } from './pg-data';
import type { PgEngine } from './pg-engine';

export type Session = { readonly kind: 'direct' | 'router'; open: boolean };
export type PgExit = { readonly code: number | null; readonly signal: string | null };

export type Stream = {
  readonly primary: PgEngine;
  readonly standby: PgEngine | null;
  readonly name: string;
  readonly primaryLife: Process;
  readonly standbyLife: Process;
  open: boolean;
  state: 'catchup' | 'streaming';
  sent: number;
  flushed: number;
  progressAt: number;
  lastReplyAt: number;
  replies: number;
  scheduled: boolean;
  /** Its standby left the history; PostgreSQL finds out after a while. */
  readonly diverged: boolean;
  /** The walsender's own copy of the setting. */
  names: Names;
};

/** As it stands when it begins. */
export function newStream(
  primary: PgEngine,
  primaryLife: Process,
  of: Pick<Stream, 'standby' | 'standbyLife' | 'name' | 'diverged'>,
): Stream {
  return {
    primary,
    primaryLife,
    ...of,
    open: true,
    state: 'streaming',
    sent: of.standby?.lsn ?? primary.lsn,
    flushed: of.standby?.data.flushed ?? primary.lsn,
    progressAt: primary.world.now,
    lastReplyAt: primary.world.now,
    replies: 0,
    scheduled: false,
    names: primary.data.names,
  };
}

export function slotOf(node: string): string {
  return `rustydb_${node.replaceAll('-', '_')}`;
}
