/**
 * With what a standby starts: five settings must not be lower than the primary had when it wrote the WAL that is replayed, or PostgreSQL refuses to
 * start, or stops replaying. pg_control tells what the WAL up to here was written under, the primary tells what it runs with now; a standby starts
 * with at least both, whatever is configured; the next start takes that as soon as the primary has lowered its own.
 */
import {
  higherOf,
  type Shortfall,
  type StandbyParameters,
  shortfallSentence,
  standbyParameterNames,
} from '../cluster/core/standby-parameters';
import { ClusterError } from '../kernel/errors';
import { readControlFile } from './control-data';

/** What counts when nothing is configured: PostgreSQL's own defaults. */
const builtIn: StandbyParameters = {
  max_connections: 100,
  max_worker_processes: 8,
  max_wal_senders: 10,
  max_prepared_transactions: 0,
  max_locks_per_transaction: 64,
};

/** With which values a standby has to start instead of those that are configured. `configured`: all that it would start with. */
export async function standbyFloors(
  dataDirectory: string,
  configured: Readonly<Record<string, string | null>>,
  primary: StandbyParameters | null = null,
): Promise<Readonly<Record<string, string>>> {
  const { parameters } = await readControlFile(dataDirectory);
  const floors = higherOf(parameters, primary)!;
  const raised: Record<string, string> = {};
  for (const name of standbyParameterNames) {
    const value = Number(configured[name] ?? builtIn[name]);
    // What is no number to us (0x10, 1e3) is raised as well: too high does no harm.
    if (!(value >= floors[name])) raised[name] = String(floors[name]);
  }
  return raised;
}

/** PostgreSQL ends when a replay that stands for this is resumed. */
export function replayCanNotGoOn(shortfall: readonly Shortfall[]): ClusterError {
  return new ClusterError(
    'CONFLICT',
    `Replay can't be resumed: ${shortfallSentence(shortfall)}. The node restarts its PostgreSQL with enough.`,
    {
      reasons: shortfall.map(({ name, running, required }) => ({
        rule: 'standby-parameters',
        measured: `${name} = ${running}`,
        limit: `${required}`,
        remedy: `Wait until the node has restarted with ${name} = ${required}, or restart it.`,
      })),
    },
  );
}
