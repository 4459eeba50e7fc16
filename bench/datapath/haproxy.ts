/** Debian's HAProxy as people put it in front of PostgreSQL: TCP mode, one port per server. Nothing is tuned. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pollUntil } from '../../engine/kernel/async';

/** Its version line; null: not installed. */
export function haproxyVersion(): string | null {
  try {
    return execFileSync('haproxy', ['-v'], { encoding: 'utf8' })
      .split('\n')[0]!
      .replace(/ -? *https:.*/, '');
  } catch {
    return null;
  }
}

export class Haproxy {
  private constructor(
    private readonly child: ChildProcess,
    private readonly directory: string,
  ) {}

  get pid(): number {
    return this.child.pid!;
  }

  /** `ports`: where it listens → the server behind. */
  static async start(ports: ReadonlyMap<number, number>): Promise<Haproxy> {
    const directory = mkdtempSync(join(tmpdir(), 'rustydb-haproxy-'));
    const file = join(directory, 'haproxy.cfg');
    const listeners = [...ports].map(
      ([port, server]) => `listen l${port}\n  bind 127.0.0.1:${port}\n  server s 127.0.0.1:${server}\n`,
    );
    const defaults = 'defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\n';
    writeFileSync(file, `global\n  maxconn 2000\n${defaults}${listeners.join('')}`);
    const child = spawn('haproxy', ['-db', '-f', file], { stdio: 'ignore' });
    const haproxy = new Haproxy(child, directory);
    for (const port of ports.keys()) {
      await pollUntil(() => answers(port), { timeoutMs: 10_000, intervalMs: 50, what: `HAProxy listens on ${port}` });
    }
    return haproxy;
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    if (this.child.exitCode === null && this.child.kill('SIGKILL')) await gone;
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function answers(port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(undefined));
    socket.once('connect', () => socket.destroy());
  });
}
