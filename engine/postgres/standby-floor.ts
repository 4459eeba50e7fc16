/**
 * Five settings that a standby must not have lower than the primary whose WAL it replays: with a lower value it refuses to start. pg_control tells
 * what that WAL was written under, so a standby starts with at least that, whatever was configured meanwhile; the agent sets the configured
 * value again once it runs, and the next restart takes it as soon as the primary has lowered its own.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAutoConf } from './auto-conf';

/** Offsets in pg_control of PostgreSQL 18 (32-bit integers), and what counts when nothing is configured: our own defaults, then PostgreSQL's. */
const floors = {
  max_connections: { offset: 180, builtIn: 100 },
  max_worker_processes: { offset: 184, builtIn: 8 },
  max_wal_senders: { offset: 188, builtIn: 10 },
  max_prepared_transactions: { offset: 192, builtIn: 0 },
  max_locks_per_transaction: { offset: 196, builtIn: 64 },
} as const;

/** What has to be raised in postgresql.auto.conf before a standby starts. `configured`: what our own configuration file says. */
export async function standbyFloors(
  dataDirectory: string,
  configured: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, string>>> {
  const control = await readFile(join(dataDirectory, 'global', 'pg_control'));
  const own = parseAutoConf(await readFile(join(dataDirectory, 'postgresql.auto.conf'), 'utf8').catch(() => ''));
  const raised: Record<string, string> = {};
  for (const [name, { offset, builtIn }] of Object.entries(floors)) {
    const floor = control.readInt32LE(offset);
    const value = Number(own.get(name) ?? configured[name] ?? builtIn);
    if (value < floor) raised[name] = String(floor);
  }
  return raised;
}
