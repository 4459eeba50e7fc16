/** The processes of one server through its guardian: start, adopt, deadline, stop, kill, and how it ended. */
import { basename, dirname, join } from 'node:path';
import { delay } from '../kernel/async';
import { ClusterError } from '../kernel/errors';
import { readRegularText } from '../kernel/foreign-files';
import type { PostgresConfiguration, ServerExit } from './api';
import { DataPlace } from './data-place';
import { GuardianLink, killSilentGuardian, offerSocket, takeLastExit, takeOverSocket } from './guardian-link';
import {
  type Deadline,
  type GuardianExit,
  type GuardianOptions,
  guardianVersion,
  monotonicMs,
} from './guardian-protocol';
import { launchCommand } from './launch-command';
import { tailLog } from './log-tail';
import { serverEnvironment } from './native';
import { isRunning, killQuietly, nothingRunsIn, readPostmasterFile } from './processes';
import { SharedDirectoryWatch, sharedDirectories, sharedSentence } from './shared-directories';
import { unseenServer } from './sight-proof';

/** A guardian tells an exit as soon as it has seen that nothing is left; a busy machine may take this long. */
const exitToldMs = 5_000;
/** Of the lease that is left: where the immediate stop begins, and where all that remains is killed. */
const stopBeforeEndMs = 500;
const killBeforeEndMs = 200;
const exitFile = 'last-exit.json';
/** A guardian that was told to go does it within this time. */
const goneMs = 3_000;

function deadlineFor(remainingMs: number): Deadline {
  const now = monotonicMs();
  return { stopAt: now + remainingMs - stopBeforeEndMs, killAt: now + remainingMs - killBeforeEndMs };
}

export type Launched = {
  /** True once it accepts connections, false when it still recovers at the time-out; UNAVAILABLE with PostgreSQL's words when it ended. */
  untilReady(timeoutMs: number): Promise<boolean>;
};

export class Postmaster {
  #link: GuardianLink | null = null;
  #pid: number | null = null;
  #lastExit: ServerExit | null = null;
  #stopping = 0;
  #listeners = new Set<(exit: ServerExit) => void>();
  #closed = false;
  #pushed: Deadline | null = null;
  readonly #place: DataPlace;
  readonly #shared: SharedDirectoryWatch;

  constructor(
    private readonly configuration: PostgresConfiguration,
    private readonly onStopped: () => void,
    private readonly orphanMs = 60_000,
  ) {
    this.#place = new DataPlace(this.#dataDirectory);
    // SIGKILL: an orderly stop would write its state of the shared pages.
    this.#shared = new SharedDirectoryWatch(this.#dataDirectory, () => void this.killAll().catch(() => undefined));
  }

  get pid(): number | null {
    return this.#pid;
  }

  /** The server runs, and its data directory was moved away or removed under it. */
  get dataMovedAway(): boolean {
    return this.#pid !== null && this.#place.left;
  }

  get lastExit(): ServerExit | null {
    return this.#lastExit;
  }

  get stopping(): boolean {
    return this.#stopping > 0;
  }

  get guardianPid(): number | null {
    return this.#link?.hello.guardianPid ?? null;
  }

  /** Of the guardian that runs now; null: none is known. */
  get guardianVersion(): number | null {
    return this.#link ? (this.#link.hello.version ?? 1) : null;
  }

  onExit(callback: (exit: ServerExit) => void): () => void {
    this.#listeners.add(callback);
    return () => this.#listeners.delete(callback);
  }

  get #dataDirectory(): string {
    return this.configuration.paths.dataDirectory;
  }

  get #options(): GuardianOptions {
    const { paths } = this.configuration;
    return {
      socket: paths.guardianSocket,
      dataDirectory: paths.dataDirectory,
      lastExitFile: join(paths.nodeDirectory, exitFile),
      orphanMs: this.orphanMs,
    };
  }

  // ---------------------------------------------------------------- guardian
  readonly #events = {
    onExit: (exit: GuardianExit) => this.#ended(this.#judged(exit)),
    onLost: () => void this.#guardianLost(),
  };

  /** While we stop or kill, an exit is our doing even when the guardian saw it before it heard of it. */
  #judged(exit: GuardianExit): ServerExit {
    const cause = exit.cause === 'died' && this.#stopping > 0 ? 'requested' : exit.cause;
    return { ...exit, cause, expected: cause === 'requested' || cause === 'orphaned' };
  }

  #ended(exit: ServerExit): void {
    this.#pid = null;
    this.#shared.end();
    this.#lastExit = exit;
    this.onStopped();
    for (const listener of [...this.#listeners]) listener(exit);
  }

  /** PostgreSQL dies with its guardian by the parent-death signal; busy backends may not. They are killed before anyone hears of it. */
  async #guardianLost(): Promise<void> {
    this.#link = null;
    if (this.#closed) return;
    const ran = this.#pid !== null;
    while (!(await this.#place.killAll(30_000))) {
      // They hang in the kernel: not dead is never told as dead.
    }
    if (ran)
      this.#ended({
        at: new Date().toISOString(),
        code: null,
        signal: 'SIGKILL',
        expected: false,
        cause: 'guardian-lost',
      });
  }

  async adopt(): Promise<number | null> {
    if (this.#link) return this.#pid;
    const link = await this.#running();
    const missed = await takeLastExit(this.#options.lastExitFile);
    const unreported = link?.hello.unreported ?? missed;
    if (unreported) this.#lastExit = this.#judged(unreported);
    if (!link) {
      await this.#killDirectly();
      return null;
    }
    this.#link = link;
    this.#pid = link.hello.postmasterPid;
    this.#place.remember(this.#pid);
    if (this.#pid !== null && link.hello.role === 'standby') this.#shared.begin();
    // Already dead, or dying with its postmaster gone, and the guardian is about to say so.
    const until = performance.now() + exitToldMs;
    while (this.#pid !== null && (!isRunning(this.#pid) || this.isDead()) && performance.now() < until) await delay(5);
    return this.#pid;
  }

  /** Null: no guardian runs. */
  async #running(): Promise<GuardianLink | null> {
    const { socket } = this.#options;
    // A guardian that doesn't greet is frozen: it can't guard, and what it guards is killed.
    const greeted = (startedWith: string) =>
      GuardianLink.connect(socket, this.#events).catch(async () => {
        await killSilentGuardian(startedWith);
        return null;
      });
    const link = await greeted(socket);
    if (link) return link;
    const earlier = join(this.configuration.paths.socketDirectory, basename(socket));
    if (earlier === socket || !(await takeOverSocket(earlier, socket))) return null;
    return greeted(earlier);
  }

  async #connected(): Promise<GuardianLink> {
    if (!this.#link) await this.adopt();
    await this.#letGoOlder();
    this.#link ??= await this.#launchGuardian();
    return this.#link;
  }

  async #launchGuardian(): Promise<GuardianLink> {
    const { paths, runAs } = this.configuration;
    const link = await GuardianLink.launch(this.#options, join(paths.nodeDirectory, 'guardian.log'), this.#events);
    const owner = runAs ?? { uid: process.getuid?.() ?? -1 };
    if (dirname(paths.guardianSocket) !== paths.socketDirectory)
      await offerSocket(paths.guardianSocket, paths.socketDirectory, owner);
    return link;
  }

  /** A guardian of an earlier release that has nothing to guard makes room for one of this release. One that stays is used as it is. */
  async #letGoOlder(): Promise<void> {
    const link = this.#link;
    if (!link || this.#pid !== null || (link.hello.version ?? 1) >= guardianVersion) return;
    link.dismiss();
    this.#link = null;
    const until = performance.now() + goneMs;
    while (isRunning(link.hello.guardianPid) && performance.now() < until) await delay(5);
  }

  // ---------------------------------------------------------------- start
  /**
   * Starts the process; the result waits for it to accept connections. `deadline` (a primary's) was fixed when the agent asked: what the
   * preparations took is not added to the lease, and one that was pushed meanwhile counts.
   */
  async launch(role: 'primary' | 'standby', deadline: Deadline | null, extra: readonly string[]): Promise<Launched> {
    this.#assertAlone(role);
    const link = await this.#connected();
    const { paths } = this.configuration;
    const outputFile = join(paths.nodeDirectory, 'startup.log');
    const since = Date.now() - 1000;
    let ended: ServerExit | null = null;
    const unsubscribe = this.onExit((exit) => {
      ended = exit;
    });
    const launch = launchCommand(this.configuration, extra);
    const { serviceFile } = this.configuration;
    const env = { ...serverEnvironment(), ...(serviceFile ? { PGSERVICEFILE: serviceFile } : {}) };
    const command = { kind: 'start', ...launch, env, outputFile, role } as const;
    try {
      const { postmasterPid } = await link.request({ ...command, deadline: deadline && this.#later(deadline) }, 10_000);
      if (ended === null) this.#pid = postmasterPid;
      this.#place.remember(null);
      if (ended === null && role === 'standby') this.#shared.begin();
    } catch (error) {
      unsubscribe();
      throw error;
    }
    const failure = async (exit: ServerExit) =>
      new ClusterError(
        'UNAVAILABLE',
        `PostgreSQL ended while starting (${exit.cause}, ${exit.signal ?? `exit ${exit.code}`}): ${await lastWords(outputFile, paths.logDirectory, since)}`,
      );
    return {
      untilReady: async (timeoutMs) => {
        try {
          return await this.#ready(timeoutMs, async () => (ended ? Promise.reject(await failure(ended)) : undefined));
        } finally {
          unsubscribe();
        }
      },
    };
  }

  /** A primary may start beside a stopped member: that one is copied anew before it starts. */
  #assertAlone(role: 'primary' | 'standby'): void {
    const data = this.#dataDirectory;
    const runs = (node: string) => !nothingRunsIn(join(dirname(dirname(data)), node, basename(data)));
    const shared = sharedDirectories(data).filter(({ node }) => role === 'standby' || runs(node));
    if (shared.length === 0) return;
    throw new ClusterError('CONFLICT', `PostgreSQL is not started. ${sharedSentence(shared)}.`, {
      reasons: shared.map(({ link, path, node }) => ({
        rule: 'shared-files',
        measured: `${link} → ${path}, also of ${node}`,
        limit: 'a directory of its own',
        remedy:
          role === 'standby'
            ? 'The node copies itself anew from its primary.'
            : `Stop ${node}, or give one of the two a directory of its own.`,
      })),
    });
  }

  #later(deadline: Deadline): Deadline {
    return this.#pushed && this.#pushed.stopAt > deadline.stopAt ? this.#pushed : deadline;
  }

  async #ready(timeoutMs: number, check: () => Promise<void>): Promise<boolean> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      await check();
      const status = readPostmasterFile(this.#dataDirectory);
      if (status && status.pid === this.#pid && status.status === 'ready') {
        await this.#assertSeen(status.pid);
        return true;
      }
      if (performance.now() > until) return false;
      await delay(8);
    }
  }

  /** A server that we would not find when it has to be dead serves nobody. */
  async #assertSeen(pid: number): Promise<void> {
    if (this.#place.processes().includes(pid) || !isRunning(pid)) return;
    await this.stop('immediate', 5_000).catch(() => undefined);
    throw unseenServer(pid);
  }

  // ---------------------------------------------------------------- deadline
  /** A new server's first deadline; words for an earlier one count no more. */
  firstDeadline(remainingMs: number): Deadline {
    this.#pushed = null;
    return deadlineFor(remainingMs);
  }

  push(remainingMs: number): void {
    this.#pushed = deadlineFor(remainingMs);
    this.#link?.serve(this.#pushed);
  }

  /** SIGHUP. */
  async reload(): Promise<void> {
    if (!this.#link || this.#pid === null) throw new ClusterError('CONFLICT', 'PostgreSQL is not running');
    await this.#link.request({ kind: 'reload' }, 2000);
  }

  async setRole(role: 'primary' | 'standby', remainingMs: number): Promise<void> {
    if (!this.#link || this.#pid === null) throw new ClusterError('CONFLICT', 'PostgreSQL is not running');
    await this.#link.request(
      { kind: 'role', role, deadline: role === 'primary' ? deadlineFor(remainingMs) : null },
      2000,
    );
    if (role === 'primary') this.#shared.end();
    else this.#shared.begin();
  }

  /** One of its own processes, as PostgreSQL itself would; never the postmaster. */
  signal(pid: number, name: 'SIGINT' | 'SIGTERM'): boolean {
    return pid !== this.#pid && this.#place.processes().includes(pid) && killQuietly(pid, name);
  }

  // ---------------------------------------------------------------- end
  async stop(mode: 'fast' | 'immediate', timeoutMs: number): Promise<void> {
    if (!this.#link) return this.#killDirectly();
    this.#stopping++;
    try {
      await this.#link.request({ kind: 'stop', mode, timeoutMs }, timeoutMs + 5000);
    } catch {
      // The guardian is frozen or died: what it didn't do is done here.
      await this.#killDirectly();
    } finally {
      this.#stopping--;
    }
    if (!this.isDead()) await this.#killDirectly();
  }

  async killAll(): Promise<void> {
    this.#stopping++;
    try {
      // Told first, so that the exit counts as asked for; killed from here as well, so that a frozen guardian doesn't matter.
      const told = this.#link?.request({ kind: 'kill' }, 1000).catch(() => undefined);
      await this.#killDirectly();
      await told;
    } finally {
      this.#stopping--;
    }
  }

  async #killDirectly(): Promise<void> {
    if (!(await this.#place.killAll(30_000))) {
      throw new ClusterError(
        'UNAVAILABLE',
        'processes of PostgreSQL survive SIGKILL: they hang in the kernel, most likely on the disk, or this node may not see or end them',
      );
    }
  }

  isDead(): boolean {
    return this.#place.nothingRuns();
  }

  /** A running server goes on under its guardian; without one the guardian is not needed any more. */
  close(): void {
    this.#closed = true;
    this.#shared.end();
    if (this.#pid === null) this.#link?.dismiss();
    else this.#link?.close();
    this.#link = null;
  }
}

/** Why a start failed, in PostgreSQL's words: what it said before its log began, else what its log says since. */
async function lastWords(outputFile: string, logDirectory: string, since: number): Promise<string> {
  const output = (await readRegularText(outputFile).catch(() => '')).trim().split('\n');
  const early = output.filter((line) => /FATAL|PANIC|ERROR/.test(line)).at(-1);
  if (early !== undefined) return early;
  const page = await tailLog(logDirectory, { limit: 50, level: null, contains: null }).catch(() => null);
  const lines = page?.lines ?? [];
  const fatal = lines.filter((line) => /FATAL|PANIC/.test(line.level) && new Date(line.at).getTime() >= since);
  return fatal.at(-1)?.message ?? output.slice(-3).join(' / ');
}
