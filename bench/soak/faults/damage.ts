/** What hands do past the product: settings reset, a standby promoted, a slot dropped, a role changed, a data directory gone. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { delay, send } from '../../../engine/testing/real-cluster';
import { asSuperuser } from '../../../engine/testing/superuser';
import { begin, end, type Fault, type FaultContext, killPostgres, members, pick, told, victim, within } from './fault';

const toldWithinMs = 20_000;

/**
 * On a primary: afterwards its PostgreSQL dies, but not before the group has let go of its voters or has its list back. Between the damage and the next
 * report nobody can know that commits don't wait; that window is documented.
 */
export const settingsReset: Fault = async (context) => {
  const { cluster, group, random } = context;
  const node = await victim(context);
  await asSuperuser(cluster, node.id, 'ALTER SYSTEM RESET ALL', 'SELECT pg_reload_conf()');
  if (node.role === 'standby') return { what: `standby ${node.id}` };
  const noticed = await within(toldWithinMs, async () => {
    const { record } = await (await cluster.door()).group(group);
    if (record.promotable !== 'voters') return true;
    const [row] = await asSuperuser<{ names: string }>(
      cluster,
      node.id,
      `SELECT current_setting('synchronous_standby_names') AS names`,
    );
    return row?.names !== '';
  });
  if (!noticed)
    throw new Error(`${node.id} acknowledges alone for ${toldWithinMs} ms, and its group counts as protected`);
  const dies = random() < 0.5;
  await delay(Math.floor(random() * 1_000));
  if (dies) killPostgres(cluster, node.id);
  return { what: `primary ${node.id}${dies ? ', PostgreSQL killed when it was noticed' : ''}` };
};

export const promotedByHand: Fault = async (context) => {
  const { cluster, random } = context;
  const { primary, standbys } = await members(context);
  const standby = pick(standbys, random);
  await asSuperuser(cluster, standby, 'SELECT pg_promote(false)');
  const dies = random() < 0.4;
  if (dies) {
    await delay(Math.floor(random() * 2_000));
    killPostgres(cluster, primary);
  }
  return { what: `${standby}${dies ? `, PostgreSQL of primary ${primary} killed` : ''}` };
};

/** The slot that a standby streams from, on its primary. */
export const slotDropped: Fault = async (context) => {
  const { cluster, random } = context;
  const { primary, standbys } = await members(context);
  const standby = pick(standbys, random);
  const [{ slot } = { slot: null }] = await asSuperuser<{ slot: string | null }>(
    cluster,
    standby,
    `SELECT nullif(current_setting('primary_slot_name'), '') AS slot`,
  );
  if (slot === null) throw new Error(`${standby} streams without a slot`);
  const gone = await within(toldWithinMs, async () => {
    const ended = `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '${slot}' AND active`;
    await asSuperuser(cluster, primary, ended, `SELECT pg_drop_replication_slot('${slot}')`);
    return true;
  });
  return { what: `${slot} of ${standby} on ${primary}${gone ? '' : ', but it was always in use'}` };
};

/** Of roles that the product logs in with, and of the databases that it uses. */
const roleSettings = [
  ['ROLE rustydb', 'default_transaction_isolation', 'serializable'],
  ['ROLE rustydb', 'default_transaction_read_only', 'on'],
  ['ROLE rustydb', 'statement_timeout', '1ms'],
  ['ROLE rustydb', 'lock_timeout', '1ms'],
  ['ROLE rustydb', 'idle_session_timeout', '50ms'],
  ['ROLE rustydb', 'search_path', 'public'],
  ['ROLE rustydb', 'datestyle', 'SQL, DMY'],
  ['ROLE rustydb', 'bytea_output', 'escape'],
  ['ROLE rustydb', 'synchronous_commit', 'off'],
  ['ROLE rustydb', 'role', 'app'],
  ['ROLE rustydb_repl', 'statement_timeout', '1ms'],
  ['ROLE rustydb_repl', 'default_transaction_read_only', 'on'],
  ['ROLE rustydb_repl', 'search_path', 'public'],
  ['DATABASE postgres', 'default_transaction_read_only', 'on'],
  ['DATABASE postgres', 'timezone', 'Asia/Kathmandu'],
  ['DATABASE app', 'intervalstyle', 'sql_standard'],
] as const;

/** While it is so: a switchover, or PostgreSQL of the primary dies. Then it is taken back. */
export const roleSet: Fault = async (context) => {
  const { cluster, group, random } = context;
  const { primary } = await members(context);
  const [whose, name, value] = pick(roleSettings, random);
  const switched = random() < 0.5;
  await asSuperuser(cluster, primary, `ALTER ${whose} SET ${name} = '${value}'`);
  await delay(1_000);
  let what = `PostgreSQL of ${primary} killed`;
  if (switched) {
    const begun = await begin(context, { kind: 'failover', group, mode: 'switchover', drainMs: 0 });
    what = `switchover ${typeof begun === 'string' ? begun : told(await end(context, begun))}`;
  } else killPostgres(cluster, primary);
  const healed = await (await cluster.door()).healed(60_000, 1_000).then(
    () => '',
    (error: Error) => error.message,
  );
  await takeBack(context, `ALTER ${whose} RESET ${name}`);
  if (healed !== '') throw new Error(`under ${whose} SET ${name} = ${value} nothing heals: ${healed}`);
  return { what: `${whose} ${name} = ${value}, ${what}` };
};

async function takeBack({ cluster, group }: FaultContext, statement: string): Promise<void> {
  const done = await within(60_000, async () => {
    await asSuperuser(cluster, await (await cluster.door()).primary(group), statement);
    return true;
  });
  if (!done) throw new Error(`${statement} is not possible`);
}

/** A disk that is replaced by an empty one: PostgreSQL's data alone, or all that the node had, its promise included. */
export const dataLost: Fault = async (context) => {
  const { cluster, random } = context;
  const node = await victim(context);
  const whole = random() < 0.4;
  const pids = cluster.nodeProcesses(node.id);
  // They are found by their directory, which is gone then.
  const postgres = cluster.postgresProcesses(node.id);
  for (const pid of pids) send(pid, 'SIGSTOP');
  const directory = cluster.nodeDirectory(node.id);
  if (whole) empty(directory);
  else rmSync(join(directory, 'pgdata'), { recursive: true, force: true });
  for (const pid of postgres) send(pid, 'SIGKILL');
  for (const pid of pids) send(pid, whole ? 'SIGKILL' : 'SIGCONT');
  return { what: `${node.role} ${node.id}, ${whole ? 'its whole disk' : 'its data directory'}` };
};

/** A directory may be where a file system is mounted: that stays, and is emptied. */
function empty(directory: string): void {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (name === 'raft') empty(path);
    else rmSync(path, { recursive: true, force: true });
  }
}
