/** What is of a host whichever agent looks: its server, its guardian, its data. */
import type { GuardianModel, ToldExit } from './guardian';
import type { DataDirectory } from './pg-data';
import type { PgEngine } from './pg-engine';
import { lsnText } from './pg-report';
import type { World } from './world';

/** What the server of one host and its guardian are, whichever agent looks. */
export type PgHost = {
  readonly id: string;
  readonly world: World;
  readonly data: DataDirectory;
  readonly engine: PgEngine;
  guardian: GuardianModel | null;
  newGuardian(): GuardianModel;
  /** Processes of the data directory can be seen (CAP_SYS_PTRACE). */
  processesVisible: boolean;
  /** Where its service file leads. */
  upstream(): PgEngine | null;
  diskFull(): boolean;
  /** A small file of the data directory: whole, before or after, whenever the power goes. @throws when it does, or the disk is full */
  replaced(file: 'postgresql.auto.conf' | 'standby.signal', change: () => void): void;
  /** The agent that hears of exits now. */
  listener: ((exit: ToldExit) => void) | null;
  unheardExit: ToldExit | null;
};

export function historyOf(data: DataDirectory): { timeline: number; forkLsn: string }[] {
  return data.timelines
    .slice(0, -1)
    .map((one, index) => ({ timeline: one.timeline, forkLsn: lsnText(data.timelines[index + 1]!.start) }));
}
