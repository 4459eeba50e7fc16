/**
 * Before one standby is stopped it makes a restartpoint near the end of what it has replayed, so that its next start has little to replay and the group
 * has its acknowledgements back soon. A restartpoint is only possible at a checkpoint of the primary: where the last one lies far back, the primary is
 * asked for one more. Bounded, and nothing depends on it: whatever is not done in time is only slower at the next start. It runs beside the server's
 * queue, so a promise never waits for it.
 */
import { ClusterError, messageOf } from '../kernel/errors';
import { type LsnText, lagBytes } from '../kernel/lsn';
import { withTimeout } from '../kernel/waiting';
import { groupFact, type NodeContext } from './node-context';

/** All of it: both restartpoints and the primary's checkpoint. */
export const standbyStopMs = 10_000;
/** What is replayed in a moment is not worth a checkpoint of the primary. */
export const fewBytes = 16 * 1024 * 1024;
/** A stop that comes this long after the restartpoint is another one. */
const freshMs = 10_000;

/** A standby that is about to stop, to its primary: make a checkpoint and say where it ended. A primary of an earlier release does not know it. */
export const checkpointForMethod = 'agent.checkpointForStop';
export type CheckpointFor = { readonly lsn: LsnText };

export class StandbyStop {
  #running: Promise<void> | null = null;
  /** Of which life of the server, and when. */
  #done: { readonly pid: number | null; readonly atMs: number } | null = null;
  #answering: Promise<CheckpointFor> | null = null;

  constructor(private readonly context: NodeContext) {}

  /** For a loop that looks again: begins it and answers whether there is nothing to wait for any more. */
  async ready(): Promise<boolean> {
    if (this.#running === null && (await this.#isDone())) return true;
    void this.prepare();
    return false;
  }

  /** Never rejects. */
  prepare(): Promise<void> {
    this.#running ??= this.#inTime().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** As primary: one checkpoint for all who ask meanwhile. */
  checkpointFor(): Promise<CheckpointFor> {
    this.#answering ??= this.#checkpointAsPrimary().finally(() => {
      this.#answering = null;
    });
    return this.#answering;
  }

  async #isDone(): Promise<boolean> {
    const { loop, postgres } = this.context;
    const { postmasterPid } = await postgres.report();
    return this.#done !== null && this.#done.pid === postmasterPid && loop.now() - this.#done.atMs < freshMs;
  }

  async #inTime(): Promise<void> {
    const { loop, logger, postgres } = this.context;
    const until = loop.now() + standbyStopMs;
    try {
      if (await this.#isDone()) return;
      await this.#restartpoints(() => Math.max(1, until - loop.now()));
    } catch (error) {
      logger.warn({ error: messageOf(error) }, 'stops without a restartpoint at its end; the next start takes longer');
    }
    const report = await postgres.report().catch(() => null);
    this.#done = { pid: report?.postmasterPid ?? null, atMs: loop.now() };
  }

  async #restartpoints(leftMs: () => number): Promise<void> {
    const { loop, postgres, logger, interconnect } = this.context;
    const restartpoint = () => withTimeout(loop, postgres.checkpoint(), leftMs(), 'the restartpoint before the stop');
    if ((await postgres.report()).state !== 'standby') return;
    await restartpoint();
    const report = await postgres.report();
    const found = await postgres.inspect();
    if (found.kind === 'absent' || report.state !== 'standby') return;
    const toReplay = lagBytes(report.receiveLsn ?? report.replayLsn, found.control.redoLsn) ?? 0;
    const primary = groupFact(this.context)?.record.primary ?? null;
    // Paused, or cut off: it would never replay that checkpoint.
    const gets = report.walReceiver?.status === 'streaming' && !report.replayPaused;
    if (toReplay <= fewBytes || primary === null || !gets) return;
    logger.info(
      { toReplay, primary },
      'asks its primary for a checkpoint, so that the next start has little to replay',
    );
    const patience = { timeoutMs: leftMs() };
    const { lsn } = await interconnect.request<CheckpointFor>(primary, checkpointForMethod, {}, patience);
    await postgres.waitForReplay(lsn, leftMs());
    await restartpoint();
  }

  async #checkpointAsPrimary(): Promise<CheckpointFor> {
    const { loop, postgres, config } = this.context;
    const { state } = await postgres.report();
    if (state !== 'primary') throw new ClusterError('UNAVAILABLE', `PostgreSQL of ${config.nodeId} is ${state}.`);
    await withTimeout(loop, postgres.checkpoint(), standbyStopMs, 'the checkpoint for a standby');
    return { lsn: await postgres.currentLsn() };
  }
}
