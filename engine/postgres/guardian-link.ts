/** The agent's end of the connection to its guardian: starts one, adopts one that runs, and tells when it is lost. */
import { spawn } from 'node:child_process';
import { closeSync, existsSync } from 'node:fs';
import { link, lstat, readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { delay, withTimeout } from '../kernel/async';
import { ClusterError } from '../kernel/errors';
import { createInPlaceSync, inDirectory, readRegularText, removeName } from '../kernel/foreign-files';
import { replaceFile, systemFiles } from '../kernel/small-files';
import {
  type Deadline,
  type GuardianCommand,
  type GuardianEvent,
  type GuardianExit,
  type GuardianOptions,
  LineReader,
} from './guardian-protocol';
import { killQuietly } from './processes';

export type Hello = Extract<GuardianEvent, { kind: 'hello' }>;
type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;
export type GuardianRequest = WithoutId<Exclude<GuardianCommand, { kind: 'serve' }>>;

export type GuardianLinkEvents = {
  onExit(exit: GuardianExit): void;
  /** The guardian closed the connection without being asked: it is dead, and what it guarded must be killed. */
  onLost(): void;
};

/** Bundle of guardian.ts: RUSTYDB_GUARDIAN, else `guardian.mjs` beside this bundle, else the build's output in the working directory. */
function guardianScript(): string {
  const beside = join(dirname(fileURLToPath(import.meta.url)), 'guardian.mjs');
  const candidates = [process.env.RUSTYDB_GUARDIAN, beside, resolve('dist/guardian.mjs')].filter(
    (path) => path !== undefined,
  );
  const found = candidates.find((path) => existsSync(path));
  if (!found)
    throw new ClusterError('INTERNAL', `no guardian program at ${candidates.join(' or ')}: run npm run build`);
  return found;
}

export class GuardianLink {
  #nextId = 1;
  #waiting = new Map<
    number,
    { resolve(reply: Extract<GuardianEvent, { kind: 'reply' }>): void; reject(error: Error): void }
  >();
  #closing = false;

  private constructor(
    private readonly socket: Socket,
    readonly hello: Hello,
    events: GuardianLinkEvents,
    lines: LineReader<GuardianEvent>,
    early: readonly GuardianEvent[],
  ) {
    const take = (event: GuardianEvent) => {
      if (event.kind === 'exit') events.onExit(event.exit);
      if (event.kind === 'reply') {
        this.#waiting.get(event.id)?.resolve(event);
        this.#waiting.delete(event.id);
      }
    };
    socket.on('data', (chunk: string) => lines.push(chunk).forEach(take));
    socket.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new ClusterError('UNAVAILABLE', 'the guardian is gone'));
      this.#waiting.clear();
      if (!this.#closing) events.onLost();
    });
    early.forEach(take);
  }

  /** Null when nothing listens on the socket (no guardian, or a dead one's leftover). */
  static async connect(socketPath: string, events: GuardianLinkEvents): Promise<GuardianLink | null> {
    const socket = await new Promise<Socket | null>((resolve) => {
      const attempt = connect(socketPath);
      attempt.once('connect', () => resolve(attempt));
      attempt.once('error', () => resolve(null));
    });
    if (!socket) return null;
    socket.setEncoding('utf8');
    socket.on('error', () => socket.destroy());
    const lines = new LineReader<GuardianEvent>();
    const first = new Promise<GuardianEvent[]>((resolve, reject) => {
      socket.once('data', (chunk: string) => {
        socket.pause();
        resolve(lines.push(chunk));
      });
      socket.once('close', () => reject(new ClusterError('UNAVAILABLE', 'the guardian closed the connection')));
    });
    try {
      const [hello, ...early] = await withTimeout(first, 2000, 'the guardian’s greeting');
      if (hello?.kind !== 'hello') throw new ClusterError('INTERNAL', 'not a guardian');
      const link = new GuardianLink(socket, hello, events, lines, early);
      socket.resume();
      return link;
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  /** Starts a guardian in a session of its own and connects to it. */
  static async launch(options: GuardianOptions, outputFile: string, events: GuardianLinkEvents): Promise<GuardianLink> {
    const optionsFile = optionsFileOf(options.socket);
    replaceFile(systemFiles, optionsFile, JSON.stringify(options));
    const output = createInPlaceSync(outputFile);
    const child = spawn(
      process.execPath,
      ['--max-semi-space-size=1', '--max-old-space-size=64', guardianScript(), optionsFile],
      {
        detached: true,
        cwd: dirname(options.lastExitFile),
        env: { PATH: process.env.PATH ?? '/usr/bin:/bin' },
        stdio: ['ignore', output, output],
      },
    );
    closeSync(output);
    let exited: string | null = null;
    child.once('error', (error) => {
      exited = error.message;
    });
    child.once('exit', (code, signal) => {
      exited ??= `exit ${code ?? signal}`;
    });
    child.unref();
    const deadline = performance.now() + 10_000;
    for (;;) {
      const link = await GuardianLink.connect(options.socket, events);
      if (link) return link;
      if (exited !== null || performance.now() > deadline) {
        const said = (await readRegularText(outputFile).catch(() => '')).slice(-500).trim();
        throw new ClusterError('UNAVAILABLE', `the guardian did not start (${exited ?? 'no answer in 10 s'}): ${said}`);
      }
      await delay(10);
    }
  }

  async request(request: GuardianRequest, timeoutMs: number): Promise<{ postmasterPid: number | null }> {
    const id = this.#nextId++;
    const answer = new Promise<Extract<GuardianEvent, { kind: 'reply' }>>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
    this.#write({ ...request, id } as GuardianCommand);
    try {
      const reply = await withTimeout(answer, timeoutMs, `the guardian’s answer to ${request.kind}`);
      if (reply.error !== null) throw new ClusterError('CONFLICT', reply.error);
      return { postmasterPid: reply.postmasterPid };
    } finally {
      this.#waiting.delete(id);
    }
  }

  /** Fire and forget: a push that can't be written changes nothing, and the guardian stops PostgreSQL in time. */
  serve(deadline: Deadline): void {
    this.#write({ kind: 'serve', deadline });
  }

  #write(command: GuardianCommand): void {
    if (this.socket.writable) this.socket.write(`${JSON.stringify(command)}\n`);
  }

  /** Lets go of a guardian that has nothing to guard, and lets it end. An older one that doesn't know the word ends by itself after two seconds. */
  dismiss(): void {
    this.#closing = true;
    this.#write({ kind: 'dismiss', id: this.#nextId++ });
    this.socket.end();
  }

  /** Lets go of the guardian; it and PostgreSQL go on. */
  close(): void {
    this.#closing = true;
    this.socket.destroy();
  }
}

/**
 * SIGKILL to a guardian that holds the socket but doesn't greet (frozen): it guards nothing, and it keeps a new one from starting.
 * The pid file may be old, so the process must have been started with this very socket's options.
 */
export async function killSilentGuardian(socketPath: string): Promise<void> {
  const pid = Number(await readRegularText(`${socketPath}.pid`).catch(() => ''));
  if (!Number.isInteger(pid) || pid <= 1) return;
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  if (process.platform === 'linux' && !commandLine.includes(optionsFileOf(socketPath))) return;
  killQuietly(pid, 'SIGKILL');
}

/**
 * A guardian that an earlier release started listens in the socket directory, where PostgreSQL's user could put another socket in its place. Its name is
 * taken over into `socketPath`, in a directory of ours, and looked at there: only a socket that our own user made counts. False: there is none.
 */
export async function takeOverSocket(earlier: string, socketPath: string): Promise<boolean> {
  try {
    if (!(await lstat(earlier)).isSocket()) return false;
    await removeName(socketPath);
    // The name itself: a link is not followed.
    await link(earlier, socketPath);
    const found = await lstat(socketPath);
    if (found.isSocket() && found.uid === process.getuid?.()) return true;
    await removeName(socketPath);
    return false;
  } catch {
    return false;
  }
}

/**
 * For an agent of an earlier release, which may come back until the cluster's level rises: it looks in the socket directory, and would end a server whose
 * guardian it does not find. The socket is the same one, root's, so PostgreSQL's user can't use it; without that name a way back costs a restart.
 */
export async function offerSocket(
  socketPath: string,
  directory: string,
  owner: { readonly uid: number },
): Promise<void> {
  await inDirectory(directory, owner, async (at) => {
    await removeName(join(at, basename(socketPath)));
    await link(socketPath, join(at, basename(socketPath)));
  }).catch(() => undefined);
}

function optionsFileOf(socketPath: string): string {
  return `${socketPath}.guardian.json`;
}

/** An exit that happened while no agent was there; told once. */
export async function takeLastExit(path: string): Promise<GuardianExit | null> {
  try {
    const exit = JSON.parse(await readRegularText(path)) as GuardianExit;
    await removeName(path);
    return exit;
  } catch {
    return null;
  }
}
