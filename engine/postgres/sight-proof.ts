/**
 * "Dead means dead" proves itself at each start: a child under PostgreSQL's user must be found, and ended, by the very look and signal that decide
 * whether a server is gone. Where that fails no server is started: its busy backends would go on unseen after its lease was given back.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { withTimeout } from '../kernel/async';
import { ClusterError, messageOf } from '../kernel/errors';
import { ensureDirectory } from '../kernel/foreign-files';
import { launchAs } from './launch-command';
import { type RunAs, serverEnvironment } from './native';
import { killAllIn, processesIn } from './processes';

const probeMs = 5_000;
const killMs = 2_000;

const remedies = {
  see: 'Give the node the capability SYS_PTRACE (Docker: --cap-add SYS_PTRACE), or mount /proc without hidepid and have sh and stat of coreutils in its PATH, or run it as PostgreSQL’s own user.',
  signal: 'Give the node the capability KILL (Docker: --cap-add KILL), or run it as PostgreSQL’s own user.',
  start:
    'Give the node the capabilities SETUID and SETGID (Docker: --cap-add SETUID --cap-add SETGID), or run it as PostgreSQL’s own user.',
} as const;

function refused(what: keyof typeof remedies, sentence: string, measured: string): ClusterError {
  return new ClusterError('UNAVAILABLE', `${sentence} ${remedies[what]}`, {
    reasons: [
      { rule: 'fencing', measured, limit: 'every process of PostgreSQL is seen and ended', remedy: remedies[what] },
    ],
  });
}

/** The server that runs would not be found when it has to be dead. */
export function unseenServer(pid: number): ClusterError {
  return refused(
    'see',
    `PostgreSQL (pid ${pid}) was stopped again: this node can’t see its processes, so it could not tell when they are gone.`,
    `pid ${pid} not seen in the data directory`,
  );
}

/** `directory` is made for it and given to `runAs` (null: our own user). @throws ClusterError with what to grant. */
export async function proveSight(directory: string, runAs: RunAs | null): Promise<void> {
  if (process.platform !== 'linux') return;
  await ensureDirectory(directory, 0o700, runAs);
  const launch = launchAs(runAs, ['/bin/sh', '-c', 'echo here; exec cat >/dev/null']);
  const identity = launch.uid !== null && launch.gid !== null ? { uid: launch.uid, gid: launch.gid } : {};
  const child = spawn(launch.command, [...launch.args], {
    ...identity,
    cwd: directory,
    env: serverEnvironment(),
    // It ends with its standard input, so with us as well.
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  try {
    await prove(child, directory);
  } finally {
    child.stdin?.end();
    child.stdout?.destroy();
  }
}

async function prove(child: ChildProcess, directory: string): Promise<void> {
  const user = 'a process of PostgreSQL’s user';
  // Its first word comes once it is that user: before, our own eyes would see it.
  const speaks = new Promise<void>((resolve, reject) => {
    child.stdin!.on('error', () => undefined);
    child.stdout!.once('data', () => resolve());
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`exit ${code ?? signal}`)));
  });
  await withTimeout(speaks, probeMs, 'the probe').catch((error: unknown) => {
    throw refused('start', `This node can’t start ${user} (${messageOf(error)}).`, messageOf(error));
  });
  if (!processesIn(directory).includes(child.pid!)) {
    throw refused(
      'see',
      'This node can’t see the processes of its PostgreSQL, so it could not tell when they are gone.',
      `pid ${child.pid} of PostgreSQL’s user not seen`,
    );
  }
  if (!(await killAllIn(directory, killMs))) {
    throw refused('signal', `This node can’t end ${user}.`, `pid ${child.pid} outlived SIGKILL for ${killMs} ms`);
  }
}
