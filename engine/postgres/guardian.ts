/**
 * PostgreSQL's parent: a process of its own with no dependencies, so that nothing that stalls or kills the agent keeps a server alive.
 * Invariant: a primary answers nothing after its deadline. Whoever fails to extend the deadline (agent dead, frozen or cut off) finds
 * PostgreSQL stopped; no word that was sent before a freeze can extend it afterwards, since deadlines are instants on the shared clock.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { BootClock, readTogether } from '../kernel/boot-clock';
import { createInPlaceSync } from '../kernel/foreign-files';
import { replaceFile, systemFiles } from '../kernel/small-files';
import { DataPlace } from './data-place';
import {
  type Deadline,
  type GuardianCommand,
  type GuardianEvent,
  type GuardianExit,
  type GuardianOptions,
  type GuardianRole,
  guardianVersion,
  LineReader,
  monotonicMs,
} from './guardian-protocol';
import { killQuietly } from './processes';

/** The clock since boot may run ahead of the monotonic one by this much since the last word; more means the machine slept. */
const sleptMs = 250;
/** A primary's deadline is looked at this often even if its timer were lost in a suspend. */
const lookMs = 250;

type Server = {
  readonly child: ChildProcess;
  readonly pid: number;
  cause: GuardianExit['cause'];
  gone: boolean;
};

export class Guardian {
  readonly #place: DataPlace;
  #server: Server | null = null;
  #role: GuardianRole = 'standby';
  #deadline: Deadline | null = null;
  #sleptBefore = 0;
  #timer: NodeJS.Timeout | null = null;
  #orphanTimer: NodeJS.Timeout | null = null;
  #agents = new Set<Socket>();
  #unreported: GuardianExit | null = null;
  #onGone: (() => void)[] = [];

  constructor(
    private readonly options: GuardianOptions,
    private readonly exit: () => void = () => process.exit(0),
    private readonly bootMs: () => number = new BootClock(monotonicMs).read,
  ) {
    this.#place = new DataPlace(options.dataDirectory);
  }

  async listen(): Promise<void> {
    if (await answers(this.options.socket)) throw new Error('a guardian of this data directory already runs');
    rmSync(this.options.socket, { force: true });
    process.umask(0o177);
    const server = createServer((socket) => this.#accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.options.socket, resolve);
    });
    process.umask(0o077);
    replaceFile(systemFiles, `${this.options.socket}.pid`, String(process.pid));
    this.#orphaned();
  }

  // ---------------------------------------------------------------- agent
  #accept(socket: Socket): void {
    const lines = new LineReader<GuardianCommand>();
    this.#agents.add(socket);
    if (this.#orphanTimer) clearTimeout(this.#orphanTimer);
    socket.setEncoding('utf8');
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#agents.delete(socket);
      this.#orphaned();
    });
    socket.on('data', (chunk: string) => {
      // First of all: after a freeze the words that waited come before the timers.
      this.#look();
      try {
        for (const command of lines.push(chunk)) this.#obey(command, socket);
      } catch {
        socket.destroy();
      }
    });
    this.#send(socket, {
      kind: 'hello',
      guardianPid: process.pid,
      postmasterPid: this.#server?.pid ?? null,
      role: this.#role,
      unreported: this.#unreported,
      version: guardianVersion,
    });
    this.#unreported = null;
  }

  #send(socket: Socket, event: GuardianEvent): void {
    if (socket.writable) socket.write(`${JSON.stringify(event)}\n`);
  }

  #obey(command: GuardianCommand, socket: Socket): void {
    if (command.kind === 'serve') {
      this.#extend(command.deadline);
      return;
    }
    const reply = (error: string | null) =>
      this.#send(socket, { kind: 'reply', id: command.id, error, postmasterPid: this.#server?.pid ?? null });
    this.#act(command).then(
      () => reply(null),
      (error: unknown) => reply(error instanceof Error ? error.message : String(error)),
    );
  }

  async #act(command: Exclude<GuardianCommand, { kind: 'serve' }>): Promise<void> {
    switch (command.kind) {
      case 'start':
        return this.#start(command);
      case 'stop':
        return this.#stop(command.mode, command.timeoutMs);
      case 'kill':
        return this.#kill();
      case 'reload':
        if (!this.#server || !killQuietly(this.#server.pid, 'SIGHUP')) throw new Error('PostgreSQL is not running');
        return;
      case 'dismiss':
        if (this.#server) throw new Error(`PostgreSQL runs (pid ${this.#server.pid}); it is not left alone`);
        return this.exit();
      case 'role':
        this.#role = command.role;
        this.#deadline = command.role === 'primary' ? command.deadline : null;
        this.#sleptBefore = this.#sleptSoFar();
        this.#look();
        return;
    }
  }

  /** Nobody listens: a primary runs into its deadline anyway; a standby gets a while; without a server there is nothing left to guard. */
  #orphaned(): void {
    if (this.#agents.size > 0) return;
    if (this.#orphanTimer) clearTimeout(this.#orphanTimer);
    const patience = this.#server ? this.options.orphanMs : 2000;
    this.#orphanTimer = setTimeout(() => {
      if (!this.#server) return this.exit();
      this.#server.cause = 'orphaned';
      void this.#stop('fast', 10_000);
    }, patience);
  }

  // ---------------------------------------------------------------- deadline
  #extend(deadline: Deadline): void {
    if (this.#role !== 'primary' || !this.#server || this.#server.cause === 'deadline') return;
    this.#deadline = deadline;
    this.#sleptBefore = this.#sleptSoFar();
    this.#look();
  }

  /** Time asleep since the machine booted, give or take a constant. */
  #sleptSoFar(): number {
    const { now, boot } = readTogether(monotonicMs, this.bootMs);
    return boot - now;
  }

  /** Enforces the deadline and sets the next alarm. */
  #look(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const server = this.#server;
    if (!server || server.gone || this.#role !== 'primary' || !this.#deadline) return;
    const now = monotonicMs();
    const slept = Math.abs(this.#sleptSoFar() - this.#sleptBefore) > sleptMs;
    if (slept || now >= this.#deadline.killAt) return void this.#fence(server, 0);
    if (now >= this.#deadline.stopAt) return void this.#fence(server, this.#deadline.killAt - now);
    this.#timer = setTimeout(() => this.#look(), Math.min(lookMs, Math.max(1, this.#deadline.stopAt - now)));
  }

  /** Immediate stop now, SIGKILL of everything left after `graceMs`. Irrevocable: no later word brings this server back. */
  async #fence(server: Server, graceMs: number): Promise<void> {
    if (server.cause === 'deadline') {
      if (graceMs === 0) await this.#place.killAll(60_000);
      return;
    }
    server.cause = 'deadline';
    if (graceMs > 0) {
      killQuietly(server.pid, 'SIGQUIT');
      await this.#place.untilGone(graceMs);
    }
    if (!server.gone) killQuietly(server.pid, 'SIGKILL');
    await this.#place.killAll(60_000);
  }

  // ---------------------------------------------------------------- server
  async #start(command: Extract<GuardianCommand, { kind: 'start' }>): Promise<void> {
    if (this.#server) throw new Error(`PostgreSQL already runs (pid ${this.#server.pid})`);
    if (!this.#place.nothingRuns()) {
      throw new Error('processes of an earlier server are still alive in the data directory');
    }
    if (command.role === 'primary' && (!command.deadline || command.deadline.stopAt <= monotonicMs())) {
      throw new Error('a primary is started only under a deadline that lies ahead');
    }
    const output = createInPlaceSync(command.outputFile);
    const identity = command.uid !== null && command.gid !== null ? { uid: command.uid, gid: command.gid } : {};
    const child = spawn(command.command, [...command.args], {
      ...identity,
      // There from its first moment, or a kill that comes at once would not find it by its working directory.
      cwd: this.options.dataDirectory,
      env: { ...command.env },
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    if (child.pid === undefined) {
      // No await on success: whoever asks for a kill from now on must find this server.
      throw await new Promise((resolve) => child.once('error', resolve));
    }
    const server: Server = { child, pid: child.pid, cause: 'died', gone: false };
    this.#place.remember(null);
    this.#server = server;
    this.#role = command.role;
    this.#deadline = command.deadline;
    this.#sleptBefore = this.#sleptSoFar();
    child.once('exit', (code, signal) => void this.#exited(server, code, signal));
    this.#look();
    this.#orphaned();
  }

  /** The postmaster is gone; its children may not be. The exit is told only when nothing of this directory is alive. */
  async #exited(server: Server, code: number | null, signal: NodeJS.Signals | null): Promise<void> {
    if (server.gone) return;
    server.gone = true;
    // An orderly shutdown leaves only the log collector, which ends by itself once it has written everything.
    if (code === 0 || code === 1) await this.#place.untilGone(300);
    while (!(await this.#place.killAll(60_000))) {
      // A process in uninterruptible sleep: the disk hangs. Not dead is not reported as dead.
    }
    this.#server = null;
    this.#deadline = null;
    const exit: GuardianExit = { at: new Date().toISOString(), code, signal, cause: server.cause };
    for (const wake of this.#onGone.splice(0)) wake();
    if (this.#agents.size > 0) {
      for (const agent of this.#agents) this.#send(agent, { kind: 'exit', exit });
      return;
    }
    this.#unreported = exit;
    keepExit(this.options.lastExitFile, exit);
    this.#orphaned();
  }

  async #stop(mode: 'fast' | 'immediate', timeoutMs: number): Promise<void> {
    const server = this.#server;
    if (!server) return this.#kill();
    if (server.cause === 'died') server.cause = 'requested';
    killQuietly(server.pid, mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
    const gone = this.#untilGone();
    const timer = setTimeout(() => void this.#place.killAll(60_000), timeoutMs);
    await gone;
    clearTimeout(timer);
  }

  async #kill(): Promise<void> {
    const server = this.#server;
    if (server && server.cause === 'died') server.cause = 'requested';
    const gone = server ? this.#untilGone() : Promise.resolve();
    if (server && !server.gone) killQuietly(server.pid, 'SIGKILL');
    if (!(await this.#place.killAll(60_000))) throw new Error('processes survive SIGKILL (disk hangs?)');
    await gone;
  }

  #untilGone(): Promise<void> {
    return this.#server ? new Promise((resolve) => this.#onGone.push(resolve)) : Promise.resolve();
  }
}

function keepExit(path: string, exit: GuardianExit): void {
  try {
    replaceFile(systemFiles, path, JSON.stringify(exit));
  } catch {
    // The disk may be full or gone: the record is for people, the server is stopped either way.
  }
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Entry of the bundle: the options come as one JSON file name, nothing secret in it. */
const optionsFile = process.argv[2];
if (optionsFile?.endsWith('.guardian.json')) {
  // The launcher's Ctrl-C reaches whole process groups; the agent decides when PostgreSQL stops, not the terminal.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  const guardian = new Guardian(JSON.parse(readFileSync(optionsFile, 'utf8')) as GuardianOptions);
  guardian.listen().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  });
}
