/**
 * PostgreSQL as one sets it up by hand, for the comparison: a primary and two synchronous standbys of the same build with the settings that our own
 * servers get, streaming straight from it. Whatever differs in speed is then ours.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { appendFileSync, chmodSync, chownSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { pollUntil } from '../../engine/kernel/async';
import { findNativeDirectory, hydrateSymlinks, serverEnvironment, sharedUser } from '../../engine/postgres/native';
import { managedSettings } from '../../engine/postgres/settings';
import { freePort } from '../../engine/testing/real-cluster';

const runAs = sharedUser();
const identity = runAs ?? {};
const members = 3;
const database = 'app';

export class PlainGroup {
  readonly password = 'only-for-the-benchmark';
  readonly #native = findNativeDirectory(process.cwd());
  readonly #root = mkdtempSync(join(tmpdir(), 'rustydb-plain-'));
  readonly #servers = new Map<string, ChildProcess>();
  readonly #ports = new Map<string, number>();

  static async start(): Promise<PlainGroup> {
    const group = new PlainGroup();
    try {
      await group.#start();
    } catch (error) {
      await group.stop();
      throw error;
    }
    return group;
  }

  get primaryPort(): number {
    return this.#ports.get('plain-1')!;
  }

  async #start(): Promise<void> {
    hydrateSymlinks(this.#native);
    chmodSync(this.#root, 0o755);
    const names = Array.from({ length: members }, (_, index) => `plain-${index + 1}`);
    for (const name of names) this.#ports.set(name, await freePort());
    const [primary, ...standbys] = names as [string, ...string[]];
    this.#initialise(primary);
    await this.#run(primary);
    await this.query(`CREATE DATABASE ${database}`, 'postgres');
    for (const name of standbys) await this.query(`SELECT pg_create_physical_replication_slot('${slot(name)}')`);
    await this.#end(primary);
    for (const name of standbys) this.#copy(primary, name);
    const quorum = `ANY 1 (${standbys.map((name) => `"${name}"`).join(', ')})`;
    appendFileSync(this.#conf(primary), `synchronous_standby_names = '${quorum}'\n`);
    for (const name of standbys) this.#spawn(name);
    await this.#run(primary);
    await pollUntil(
      async () => {
        const [row] = await this.query(
          `SELECT count(*)::int AS n FROM pg_stat_replication WHERE sync_state = 'quorum'`,
        );
        return row?.n === standbys.length || undefined;
      },
      { timeoutMs: 30_000, intervalMs: 100, what: 'both standbys of the plain group acknowledge' },
    );
  }

  #directory(name: string): string {
    return join(this.#root, name);
  }

  #conf(name: string): string {
    return join(this.#directory(name), 'data', 'postgresql.conf');
  }

  #initialise(name: string): void {
    const directory = this.#ownDirectory(name);
    const passwordFile = join(directory, 'pw');
    writeFileSync(passwordFile, this.password);
    if (runAs) chownSync(passwordFile, runAs.uid, runAs.gid);
    const how = ['-U', 'app', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '--data-checksums', '--no-sync'];
    const words = ['-D', join(directory, 'data'), '--encoding=UTF8', '--locale=C', ...how];
    execFileSync(join(this.#native, 'bin', 'initdb'), words, {
      ...identity,
      cwd: '/',
      env: serverEnvironment(),
      stdio: 'pipe',
    });
    const rules = ['host all all 127.0.0.1/32 scram-sha-256', 'host replication all 127.0.0.1/32 scram-sha-256'];
    writeFileSync(join(directory, 'data', 'pg_hba.conf'), `${rules.join('\n')}\n`);
    this.#configure(name);
  }

  #ownDirectory(name: string): string {
    const directory = this.#directory(name);
    execFileSync('mkdir', ['-p', join(directory, 's'), join(directory, 'log')]);
    if (runAs) execFileSync('chown', ['-R', `${runAs.uid}:${runAs.gid}`, directory]);
    return directory;
  }

  /** The settings of our own servers; only what names a place differs. */
  #configure(name: string): void {
    const directory = this.#directory(name);
    const settings = managedSettings(
      {
        nodeId: name,
        paths: {
          nodeDirectory: directory,
          dataDirectory: join(directory, 'data'),
          socketDirectory: join(directory, 's'),
          logDirectory: join(directory, 'log'),
          guardianSocket: '',
        },
        nativeDirectory: this.#native,
        host: '127.0.0.1',
        port: this.#ports.get(name)!,
        passwords: { superuser: '', replication: '', monitor: '', query: '', app: '' },
        runAs,
        walProxyPort: 0,
      },
      members,
    );
    const lines = Object.entries(settings).map(([key, value]) => `${key} = '${value.replaceAll("'", "''")}'`);
    writeFileSync(this.#conf(name), `${lines.join('\n')}\n`);
  }

  #copy(from: string, name: string): void {
    const directory = this.#ownDirectory(name);
    cpSync(join(this.#directory(from), 'data'), join(directory, 'data'), { recursive: true, preserveTimestamps: true });
    rmSync(join(directory, 'data', 'pg_replslot'), { recursive: true, force: true });
    execFileSync('mkdir', [join(directory, 'data', 'pg_replslot')]);
    this.#configure(name);
    writeFileSync(join(directory, 'data', 'standby.signal'), '');
    const source = `host=127.0.0.1 port=${this.primaryPort} user=app password=${this.password} application_name=${name} sslmode=disable`;
    appendFileSync(this.#conf(name), `primary_conninfo = '${source}'\nprimary_slot_name = '${slot(name)}'\n`);
    if (runAs) execFileSync('chown', ['-R', `${runAs.uid}:${runAs.gid}`, directory]);
  }

  #spawn(name: string): void {
    const words = ['-D', join(this.#directory(name), 'data')];
    const options = { ...identity, cwd: '/', env: serverEnvironment(), stdio: 'ignore' } as const;
    this.#servers.set(name, spawn(join(this.#native, 'bin', 'postgres'), words, options));
  }

  async #run(name: string): Promise<void> {
    this.#spawn(name);
    const answers = () => this.query('SELECT 1', 'postgres').then(() => true);
    await pollUntil(answers, { what: `${name} answers`, timeoutMs: 30_000, intervalMs: 50 });
  }

  async query(sql: string, of = database): Promise<Record<string, unknown>[]> {
    const login = { host: '127.0.0.1', port: this.primaryPort, user: 'app', password: this.password, database: of };
    const client = new pg.Client(login);
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query(sql)).rows ?? [];
    } finally {
      await client.end();
    }
  }

  async #end(name: string, signal: NodeJS.Signals = 'SIGINT'): Promise<void> {
    const server = this.#servers.get(name);
    this.#servers.delete(name);
    if (server === undefined || server.exitCode !== null) return;
    const gone = new Promise((resolve) => server.once('exit', resolve));
    server.kill(signal);
    await gone;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#servers.keys()].map((name) => this.#end(name, 'SIGQUIT')));
    rmSync(this.#root, { recursive: true, force: true });
  }

  /** For an interruption: nothing is waited for. */
  kill(): void {
    for (const server of this.#servers.values()) server.kill('SIGQUIT');
    rmSync(this.#root, { recursive: true, force: true });
  }
}

function slot(name: string): string {
  return name.replaceAll('-', '_');
}
