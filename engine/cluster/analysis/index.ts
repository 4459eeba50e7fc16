/** Every analyser, in the order in which their sentences matter to a reader. */
import { agentStalled } from './agent-stalled';
import { automaticFailoverOff } from './automatic-failover-off';
import { changeUnderWay } from './change-under-way';
import { commitsWait } from './commits-wait';
import { diskNearlyFull } from './disk-nearly-full';
import { engineRoleSettings } from './engine-role-settings';
import { groupDegraded } from './group-degraded';
import { leaseExpired } from './lease-expired';
import { lowerCommits } from './lower-commits';
import { mixedReleases } from './mixed-releases';
import { noPrimary } from './no-primary';
import { nodeSilent } from './node-silent';
import { nodeTroubles } from './node-troubles';
import { postgresDown } from './postgres-down';
import { postgresVersions } from './postgres-versions';
import { preparedTransactions } from './prepared-transactions';
import { primaryChanging } from './primary-changing';
import { replayPaused } from './replay-paused';
import { replicationFactor } from './replication-factor';
import { roleConflict } from './role-conflict';
import { serviceTroubles } from './service-troubles';
import { settingsByHand } from './settings-by-hand';
import { sharedFiles } from './shared-files';
import type { Finding, GroupAnalyser, GroupSituation } from './situation';
import { slotRisks } from './slot-risks';
import { slotsKept } from './slots-kept';
import { standbyLag } from './standby-lag';
import { standbyNotStreaming } from './standby-not-streaming';
import { standbyParameters } from './standby-parameters';
import { stoppedByHand } from './stopped-by-hand';
import { strandedPromises } from './stranded-promises';

export { controlQuorum } from './control-quorum';
export type { Finding } from './situation';

const groupAnalysers: readonly GroupAnalyser[] = [
  leaseExpired,
  noPrimary,
  postgresDown,
  primaryChanging,
  roleConflict,
  sharedFiles,
  serviceTroubles,
  commitsWait,
  lowerCommits,
  preparedTransactions,
  engineRoleSettings,
  settingsByHand,
  postgresVersions,
  nodeSilent,
  groupDegraded,
  strandedPromises,
  standbyNotStreaming,
  standbyLag,
  standbyParameters,
  replayPaused,
  slotRisks,
  slotsKept,
  diskNearlyFull,
  nodeTroubles,
  agentStalled,
  changeUnderWay,
  replicationFactor,
  automaticFailoverOff,
  stoppedByHand,
  mixedReleases,
];

export function analyseGroup(situation: GroupSituation): readonly Finding[] {
  return groupAnalysers.flatMap((analyse) => analyse(situation));
}
