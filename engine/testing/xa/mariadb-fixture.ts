/** A MariaDB server of Debian's package, in a directory and on a port of its own. Null where the package is not installed. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mariadb';
import { pollUntil } from '../../kernel/async';
import { freePort } from '../real-cluster';

export const mariadbInstalled = spawnSync('mariadbd', ['--version']).error === undefined;

/** Under which tests and the coordinator sign in. */
export const login = { user: 'bank', password: 'Bank-1-secret', database: 'bank' } as const;

export class MariadbFixture {
  #child: ChildProcess | null = null;

  private constructor(
    private readonly directory: string,
    readonly port: number,
  ) {}

  static async start(): Promise<MariadbFixture> {
    const directory = mkdtempSync(join(tmpdir(), 'rustydb-mariadb-'));
    const root = process.getuid?.() === 0;
    if (root) chownSync(directory, ...ownerOf('mysql'));
    const data = join(directory, 'data');
    const made = spawnSync('mariadb-install-db', [
      '--no-defaults',
      `--datadir=${data}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      ...(root ? ['--user=mysql'] : []),
    ]);
    if (made.status !== 0) throw new Error(`mariadb-install-db: ${made.stderr}`);
    const fixture = new MariadbFixture(directory, await freePort());
    await fixture.launch();
    const connection = await createConnection({ socketPath: join(directory, 'socket'), user: 'root' });
    await connection.query(`CREATE DATABASE ${login.database}`);
    await connection.query(`CREATE USER '${login.user}'@'%' IDENTIFIED BY '${login.password}'`);
    await connection.query(`GRANT ALL ON ${login.database}.* TO '${login.user}'@'%'`);
    await connection.end();
    return fixture;
  }

  async launch(): Promise<void> {
    const { directory, port } = this;
    const options = [
      '--no-defaults',
      `--datadir=${join(directory, 'data')}`,
      `--socket=${join(directory, 'socket')}`,
      `--pid-file=${join(directory, 'pid')}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      '--innodb-buffer-pool-size=32M',
      '--innodb-lock-wait-timeout=3',
      '--skip-log-bin',
      ...(process.getuid?.() === 0 ? ['--user=mysql'] : []),
    ];
    this.#child = spawn('mariadbd', options, { stdio: 'ignore' });
    await pollUntil(
      async () => {
        const connection = await createConnection({
          socketPath: join(directory, 'socket'),
          user: 'root',
          connectTimeout: 1_000,
        });
        await connection.end();
        return true;
      },
      { timeoutMs: 60_000, intervalMs: 100, what: 'MariaDB answers' },
    );
  }

  async query<T>(sql: string): Promise<T[]> {
    const connection = await createConnection({ host: '127.0.0.1', port: this.port, ...login, insertIdAsNumber: true });
    try {
      return (await connection.query(sql)) as T[];
    } finally {
      await connection.end();
    }
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  async destroy(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function ownerOf(user: string): [number, number] {
  const id = (flag: string) => Number(spawnSync('id', [flag, user]).stdout.toString());
  return [id('-u'), id('-g')];
}
