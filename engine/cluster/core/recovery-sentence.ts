/** How far a server is that replays WAL and does not take connections yet, for whoever waits for it. */
import type { RecoveryProgress } from '../model';

const mib = (bytes: number) => `${Math.round(bytes / 1048576)} MiB`;

/** Null: nothing is known about how far it is. */
export function recoverySentence(recovery: RecoveryProgress | null | undefined): string | null {
  if (!recovery) return null;
  const { restBytes, doneBytes, bytesPerSecond, replayedLsn } = recovery;
  const speed = bytesPerSecond === null ? '' : `, ${mib(bytesPerSecond)}/s`;
  if (restBytes === null)
    return `Replays WAL before it takes connections: at ${replayedLsn}, ${mib(doneBytes)} done${speed}.`;
  const left = bytesPerSecond ? `, about ${Math.ceil(restBytes / bytesPerSecond)} s` : '';
  return `Replays WAL before it takes connections: ${mib(doneBytes)} done, ${mib(restBytes)} left${speed}${left}.`;
}
