/** Makes this node's report for the controller: what PostgreSQL, the lease, the host and the links look like right now. */

import { recoverySentence } from '../cluster/core/recovery-sentence';
import type { NodeReport, PostgresReport, PostgresState } from '../cluster/model';
import { announcedKinds } from '../interconnect/announced-kinds';
import type { NodeId } from '../kernel/ids';
import { ownAnnouncement } from '../kernel/release';
import { isoTime } from '../kernel/waiting';
import { noStalls, stallBoundsMs, withStall } from './core/stall-counts';
import type { LeaseHolder } from './lease-holder';
import type { MemberLoop } from './member-loop';
import type { NodeContext } from './node-context';
import type { Resources } from './resource-sampler';

const linksEveryMs = 1000;
const loopBlockEveryMs = 1000;
const sharedFilesEveryMs = 1000;

export class Reporter {
  #sequence = 0;
  readonly #startedAt: string;
  #links: NodeReport['links'] = [];
  #linksAt = 0;
  #sharedFiles: string | null = null;
  #sharedFilesAt = Number.NEGATIVE_INFINITY;
  #loopBlockMs = 0;
  #loopBlockAt = 0;
  #stalls = noStalls;

  constructor(
    private readonly context: NodeContext,
    private readonly lease: LeaseHolder,
    private readonly loop: MemberLoop,
    private readonly resources: Resources,
    private readonly reportedPeers: () => ReadonlySet<NodeId> | null,
    private readonly sealedLevel: () => number,
    private readonly slotsKept: (state: PostgresState) => readonly string[],
    private readonly damage: () => readonly string[],
  ) {
    this.#startedAt = isoTime(context.loop);
  }

  make(postgres: PostgresReport, now: number): NodeReport {
    const { config, durable } = this.context;
    const epoch = this.lease.epoch;
    const { cpuPercent, memoryPercent, memoryBytes, diskUsedBytes, diskTotalBytes, diskFullInMs } = this.resources.use;
    return {
      node: config.nodeId,
      incarnation: config.incarnation,
      sequence: ++this.#sequence,
      at: isoTime(this.context.loop),
      agentPid: process.pid,
      agentStartedAt: this.#startedAt,
      ...ownAnnouncement,
      sealedLevel: this.sealedLevel(),
      clients: announcedKinds(this.context.interconnect.clients?.() ?? []),
      dataDirectory: this.context.postgres.configuration.paths.dataDirectory,
      promisedEpoch: durable.current.promisedEpoch,
      lease:
        epoch === null
          ? null
          : { held: this.lease.holds(epoch), epoch, remainingMs: Math.round(this.lease.leaseLeftMs()) },
      postgres,
      slotsKept: this.slotsKept(postgres.state),
      sharedFiles: this.#sharedFilesNow(now),
      guardianPid: this.context.postgres.guardianPid(),
      guardianVersion: this.context.postgres.guardianVersion?.() ?? null,
      activity: recoverySentence(postgres.recovery) ?? this.loop.activity,
      troubles: this.#troubles(postgres.logTrouble ?? null),
      cpuPercent,
      memoryPercent,
      memoryBytes,
      diskUsedBytes,
      diskTotalBytes,
      diskFullInMs,
      loopBlockMs: this.#loopBlock(now),
      stalls: this.#stalls,
      links: this.#linksNow(now),
    };
  }

  #troubles(log: string | null): readonly string[] {
    const trouble = this.context.store.trouble?.();
    return [...this.loop.troubles, ...this.damage(), ...(trouble ? [trouble] : []), ...(log ? [log] : [])];
  }

  #sharedFilesNow(now: number): string | null {
    if (now - this.#sharedFilesAt >= sharedFilesEveryMs) {
      this.#sharedFilesAt = now;
      this.#sharedFiles = this.context.postgres.sharedFiles?.() ?? null;
    }
    return this.#sharedFiles;
  }

  #loopBlock(now: number): number {
    if (now - this.#loopBlockAt >= loopBlockEveryMs) {
      this.#loopBlockMs = this.resources.takeLoopBlockMs();
      this.#loopBlockAt = now;
      this.#stalls = withStall(this.#stalls, this.#loopBlockMs);
      if (this.#loopBlockMs > stallBoundsMs[0])
        this.context.logger.debug({ ms: this.#loopBlockMs }, 'the main thread was blocked');
    }
    return this.#loopBlockMs;
  }

  #linksNow(now: number): NodeReport['links'] {
    if (now - this.#linksAt >= linksEveryMs) {
      this.#linksAt = now;
      this.#links = this.context.interconnect.linkStatus(this.reportedPeers()).map((link) => ({
        peer: link.peer,
        connected: link.connected,
        rttUs: link.rttUs === null ? null : Math.round(link.rttUs.p50),
        lastHeardMs: link.lastHeardMs === null ? null : Math.round(link.lastHeardMs),
        phi: link.phi === null ? null : Math.round(link.phi * 100) / 100,
      }));
    }
    return this.#links;
  }
}
