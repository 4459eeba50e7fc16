/** How the guardian starts a postmaster: as the right user, and (Linux) so that it dies with the guardian. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { PostgresConfiguration } from './api';
import type { RunAs } from './native';

export type LaunchCommand = {
  readonly command: string;
  readonly args: readonly string[];
  /** For spawn; null when the command changes the user itself. */
  readonly uid: number | null;
  readonly gid: number | null;
};

let parentDeathSignal: boolean | null = null;

/** BusyBox has a setpriv without it, so it is tried, once per process. */
function hasParentDeathSignal(): boolean {
  parentDeathSignal ??=
    process.platform === 'linux' &&
    spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true'], { stdio: 'ignore', timeout: 5000 }).status === 0;
  return parentDeathSignal;
}

/** setpriv replaces itself by postgres, so the child's pid is the postmaster's. */
export function launchCommand(configuration: PostgresConfiguration, extra: readonly string[]): LaunchCommand {
  const postgres = [
    join(configuration.nativeDirectory, 'bin', 'postgres'),
    '-D',
    configuration.paths.dataDirectory,
    ...extra,
  ];
  return launchAs(configuration.runAs, postgres);
}

/** The same for any program: whatever tests how PostgreSQL runs is started like it. */
export function launchAs(runAs: RunAs | null, program: readonly string[]): LaunchCommand {
  if (!hasParentDeathSignal()) {
    return { command: program[0]!, args: program.slice(1), uid: runAs?.uid ?? null, gid: runAs?.gid ?? null };
  }
  const identity = runAs ? ['--reuid', String(runAs.uid), '--regid', String(runAs.gid), '--clear-groups'] : [];
  return { command: 'setpriv', args: [...identity, '--pdeathsig', 'KILL', ...program], uid: null, gid: null };
}
