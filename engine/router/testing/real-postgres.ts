/** A real PostgreSQL server of its own for a test: free port, temporary directory, nothing left behind. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { pollUntil } from '../../kernel/async';
import { findNativeDirectory, hydrateSymlinks, serverEnvironment, sharedUser } from '../../postgres/native';

export const password = 'only-for-tests';
const runAs = sharedUser();
const identity = runAs ?? {};

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export class RealPostgres {
  readonly host = '127.0.0.1';
  #process: ChildProcess | null = null;

  private constructor(
    private readonly native: string,
    private readonly directory: string,
    readonly port: number,
  ) {}

  /** Role `app` (SCRAM) and role `plain` (no password) are superusers; `select name from whoami` tells which server answers. */
  static async create(name: string): Promise<RealPostgres> {
    const native = findNativeDirectory(process.cwd());
    hydrateSymlinks(native);
    const directory = mkdtempSync(join(tmpdir(), 'rustydb-router-'));
    if (runAs) chownSync(directory, runAs.uid, runAs.gid);
    const passwordFile = join(directory, 'pw');
    writeFileSync(passwordFile, password);
    if (runAs) chownSync(passwordFile, runAs.uid, runAs.gid);
    const options = ['-U', 'app', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '--no-sync', '--locale=C'];
    execFileSync(join(native, 'bin', 'initdb'), ['-D', join(directory, 'data'), '-E', 'UTF8', ...options], {
      ...identity,
      cwd: '/',
      env: serverEnvironment(),
      stdio: 'pipe',
    });
    writeFileSync(
      join(directory, 'data', 'pg_hba.conf'),
      'host all plain 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n',
    );
    const server = new RealPostgres(native, directory, await freePort());
    await server.start();
    await server.query(`create table whoami as select '${name}'::text as name; create role plain superuser login`);
    return server;
  }

  /** A second server with the same content but its own name. */
  async copy(name: string): Promise<RealPostgres> {
    await this.stop();
    const directory = mkdtempSync(join(tmpdir(), 'rustydb-router-'));
    if (runAs) chownSync(directory, runAs.uid, runAs.gid);
    cpSync(join(this.directory, 'data'), join(directory, 'data'), { recursive: true, preserveTimestamps: true });
    if (runAs) execFileSync('chown', ['-R', `${runAs.uid}:${runAs.gid}`, directory]);
    const server = new RealPostgres(this.native, directory, await freePort());
    await Promise.all([this.start(), server.start()]);
    await server.query(`update whoami set name = '${name}'`);
    return server;
  }

  async start(): Promise<void> {
    const settings = ['fsync=off', 'shared_buffers=16MB', 'max_connections=100', 'listen_addresses=127.0.0.1'];
    const arguments_ = ['-D', join(this.directory, 'data'), '-p', String(this.port), '-k', ''];
    this.#process = spawn(
      join(this.native, 'bin', 'postgres'),
      [...arguments_, ...settings.flatMap((setting) => ['-c', setting])],
      { ...identity, cwd: '/', env: serverEnvironment(), stdio: 'ignore' },
    );
    await pollUntil(() => this.query('select 1').then(() => true), {
      what: 'PostgreSQL answers',
      timeoutMs: 20_000,
      intervalMs: 20,
    });
  }

  async query(sql: string): Promise<unknown[]> {
    const client = new pg.Client({ host: this.host, port: this.port, user: 'app', password, database: 'postgres' });
    client.on('error', () => {});
    await client.connect();
    try {
      const result = await client.query(sql);
      return result.rows ?? [];
    } finally {
      await client.end();
    }
  }

  async stop(signal: 'SIGINT' | 'SIGQUIT' = 'SIGINT'): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }

  async remove(): Promise<void> {
    await this.stop('SIGQUIT');
    rmSync(this.directory, { recursive: true, force: true });
  }
}
