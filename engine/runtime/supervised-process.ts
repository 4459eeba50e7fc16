/**
 * One child process of the launcher: started, watched, restarted with bounded backoff. It is not tied to the launcher's life: a launcher that
 * was killed comes back and adopts what still runs (by pid and start time), so that killing the launcher stops nothing.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf } from '../kernel/errors';
import type { Logger } from '../kernel/log';
import { bundleRelease } from './bundle-release';
import { childEnvironment } from './core/child-environment';
import { isAlive, markFor, type ProcessMark, readMark, StartError, writeMark } from './data-directory';
import { fatalExitCode } from './process-config';

const backoffMs = [0, 100, 500, 1_000, 2_000, 5_000];
/** A process that lived this long starts again with no wait. */
const settledAfterMs = 10_000;
const adoptionPollMs = 250;
const markAgainMs = 1_000;
const logLimitBytes = 64 * 1024 * 1024;

export type SupervisedProcessOptions = {
  readonly name: string;
  readonly script: string;
  readonly configFile: string;
  readonly dataDirectory: string;
  readonly logger: Logger;
  readonly nodeArguments: readonly string[];
  /** The process said (exit code 78) that a restart won't help; its last words are in its log. */
  readonly onFatal: (name: string) => void;
  /** Before each start but the first: what the program relies on may have gone meanwhile. What it throws is the trouble. */
  readonly prepare?: () => Promise<unknown>;
  /** Asked before each start: why this program must not be started. */
  readonly trouble?: () => string | null;
  readonly onTrouble?: (name: string, sentence: string) => void;
};

export class SupervisedProcess {
  #mark: ProcessMark | null = null;
  #timer: NodeJS.Timeout | null = null;
  #failures = 0;
  #startedAt = 0;
  #stopping = false;
  #gone: (() => void)[] = [];

  constructor(private readonly options: SupervisedProcessOptions) {}

  get name(): string {
    return this.options.name;
  }

  get pid(): number | null {
    return this.#mark?.pid ?? null;
  }

  start(): void {
    const adopted = readMark(this.#pidFile);
    if (adopted) {
      this.options.logger.info({ child: this.name, pid: adopted.pid }, 'adopted a running process');
      this.#mark = adopted;
      this.#startedAt = performance.now();
      this.#watchAdopted();
      return;
    }
    this.#spawn();
  }

  /** Resolves when the process is gone; SIGKILL after `timeoutMs`. */
  async stop(timeoutMs: number, asking: 'SIGTERM' | 'SIGINT' = 'SIGTERM'): Promise<void> {
    this.#stopping = true;
    if (this.#timer && !this.#mark) clearTimeout(this.#timer);
    const mark = this.#mark;
    if (!mark || !isAlive(mark)) return this.#cleanUp();
    const gone = new Promise<void>((resolve) => this.#gone.push(resolve));
    signal(mark.pid, asking);
    const killer = setTimeout(() => {
      this.options.logger.warn({ child: this.name, timeoutMs }, 'did not stop in time, killing it');
      signal(mark.pid, 'SIGKILL');
    }, timeoutMs);
    await gone;
    clearTimeout(killer);
    this.#cleanUp();
  }

  get #pidFile(): string {
    return join(this.options.dataDirectory, 'run', `${this.name}.pid`);
  }

  #spawn(): void {
    if (this.#stopping) return;
    const trouble = this.options.trouble?.() ?? null;
    if (trouble !== null) {
      this.#notStarted(trouble);
      return;
    }
    const logFile = join(this.options.dataDirectory, 'logs', `${this.name}.log`);
    rotate(logFile);
    const log = openSync(logFile, 'a', 0o600);
    const child = spawn(
      process.execPath,
      [...this.options.nodeArguments, this.options.script, this.options.configFile],
      {
        stdio: ['ignore', log, log],
        detached: true,
        env: childEnvironment(process.env, {
          RUSTYDB_PROCESS: this.name,
          NEXT_TELEMETRY_DISABLED: '1',
        }) as NodeJS.ProcessEnv,
      },
    );
    closeSync(log);
    this.#startedAt = performance.now();
    if (child.pid !== undefined) this.#remember(child.pid);
    child.once('exit', (code, signalName) => this.#exited(code, signalName));
    child.once('error', (error) => {
      this.options.logger.error({ child: this.name, error: error.message }, 'could not be started');
      if (child.pid === undefined) this.#exited(null, null);
    });
  }

  /** The next launcher finds it by its file; on a full disk that is written as soon as it can be. */
  #remember(pid: number): void {
    const release = bundleRelease(dirname(this.options.script));
    try {
      this.#mark = writeMark(this.#pidFile, pid, release);
    } catch (error) {
      this.#mark ??= markFor(pid, release);
      this.options.logger.warn({ child: this.name, error: messageOf(error) }, 'its process file is not written yet');
      setTimeout(() => {
        if (this.#mark?.pid === pid) this.#remember(pid);
      }, markAgainMs).unref();
    }
  }

  #watchAdopted(): void {
    this.#timer = setTimeout(() => {
      if (this.#mark && isAlive(this.#mark)) this.#watchAdopted();
      else this.#exited(null, null);
    }, adoptionPollMs);
  }

  #exited(code: number | null, signalName: NodeJS.Signals | null): void {
    this.#mark = null;
    for (const resolve of this.#gone.splice(0)) resolve();
    if (this.#stopping) return;
    if (code === fatalExitCode) {
      this.options.logger.error({ child: this.name }, 'stopped for good: a restart would not help, its log says why');
      this.options.onFatal(this.name);
      return;
    }
    if (performance.now() - this.#startedAt > settledAfterMs) this.#failures = 0;
    this.#later({ code, signal: signalName }, 'ended, restarting');
  }

  #later(why: Readonly<Record<string, unknown>>, what: string): void {
    const wait = backoffMs[Math.min(this.#failures, backoffMs.length - 1)] ?? 0;
    this.#failures++;
    this.options.logger.warn({ child: this.name, ...why, restartInMs: wait }, what);
    this.#timer = setTimeout(() => void this.#again(), wait);
  }

  /** What somebody must look at is told; what the disk does passes, and takes nobody else along. */
  async #again(): Promise<void> {
    try {
      await this.options.prepare?.();
      this.#spawn();
    } catch (error) {
      if (error instanceof StartError) this.#notStarted(error.message);
      else this.#later({ error: messageOf(error) }, 'could not be started, trying again');
    }
  }

  #notStarted(trouble: string): void {
    this.options.logger.error({ child: this.name }, trouble);
    this.options.onTrouble?.(this.name, trouble);
  }

  #cleanUp(): void {
    if (this.#timer) clearTimeout(this.#timer);
    rmSync(this.#pidFile, { force: true });
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Already gone: the exit event follows.
  }
}

function rotate(file: string): void {
  try {
    if (statSync(file).size > logLimitBytes) renameSync(file, `${file}.1`);
  } catch {
    // No log yet.
  }
}
