/**
 * The engine's own door into a real installation, for checks that must not depend on the console server: the view, operations, leadership, faults.
 * Reads the same files as the processes do (`run/router.json`, the cluster secret), so it works as soon as the launcher has written them.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterConfig, ClusterView, GroupView, NodeView } from '../cluster/model';
import type { Fault } from '../interconnect/api';
import { EngineConnection } from '../interconnect/engine-connection';
import { pollUntil } from '../kernel/async';
import { createLogger } from '../kernel/log';
import { isFinished, type Operation, type OperationRequest } from '../operations/model';
import type { EngineMethod, EngineParams, EngineResult, Requester } from '../runtime/engine-api';
import type { RouterConfig } from '../runtime/process-config';

const requestTimeoutMs = 5_000;
const requester: Requester = { by: 'bench', reason: 'bench', requestId: null, admin: true };

export class ClusterDoor {
  private constructor(readonly connection: EngineConnection) {}

  /** Waits until the launcher has written where the agents are. */
  static async open(dataDirectory: string, timeoutMs: number): Promise<ClusterDoor> {
    const file = join(dataDirectory, 'run', 'router.json');
    const config = await pollUntil(
      () => (existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as RouterConfig) : undefined),
      { timeoutMs, intervalMs: 20, what: `${file} written` },
    );
    const logger = createLogger('bench');
    logger.level = 'silent';
    const connection = new EngineConnection({
      kind: 'console',
      name: randomUUID(),
      clusterId: config.clusterId,
      secret: readFileSync(config.secretFile, 'utf8').trim(),
      seeds: config.seeds,
      logger,
    });
    await connection.start();
    return new ClusterDoor(connection);
  }

  close(): Promise<void> {
    return this.connection.stop();
  }

  node<M extends EngineMethod>(node: string, method: M, params: EngineParams<M>): Promise<EngineResult<M>> {
    return this.connection.requestNode(node, method, params, requestTimeoutMs);
  }

  view(): Promise<ClusterView> {
    return this.connection.requestLeader('view.get', {}, requestTimeoutMs);
  }

  async group(name: string): Promise<GroupView> {
    return found(
      (await this.view()).groups.find((group) => group.record.name === name),
      `group ${name}`,
    );
  }

  async nodeView(id: string): Promise<NodeView> {
    return found(
      (await this.view()).nodes.find((node) => node.record.id === id),
      `node ${id}`,
    );
  }

  async primary(group: string): Promise<string> {
    return found((await this.group(group)).record.primary, `primary of ${group}`);
  }

  async leader(): Promise<string> {
    return found((await this.view()).raft.leader, 'leader of the control store');
  }

  /**
   * Has `to` lead the control store. A transfer is an attempt: where the target isn't ready in time, the present leader
   * goes on and says so, and whoever wants it asks again.
   */
  async transferLeadership(to: string): Promise<void> {
    await pollUntil(
      async () => {
        if ((await this.leader()) === to) return true;
        await this.connection.requestLeader('raft.transfer', { to }, requestTimeoutMs);
        return undefined;
      },
      { timeoutMs: 60_000, intervalMs: 100, what: `${to} leads the control store` },
    );
  }

  configure(patch: Partial<ClusterConfig>): Promise<unknown> {
    return this.connection.requestLeader('config.put', { patch, requester }, requestTimeoutMs);
  }

  setFaults(node: string, faults: readonly Fault[]): Promise<unknown> {
    return this.connection.requestNode(node, 'node.faults.set', { faults, requester }, requestTimeoutMs);
  }

  startOperation(request: OperationRequest): Promise<Operation> {
    const call = { request, requester, planHash: null, idempotencyKey: randomUUID() };
    return this.connection.requestLeader('operation.start', call, 20_000);
  }

  async operation(id: string): Promise<Operation | null> {
    return this.connection.requestLeader('operation.get', { id }, requestTimeoutMs);
  }

  /** Newest first. */
  async operations(limit = 20): Promise<readonly Operation[]> {
    const all = { limit, before: null, group: null, kinds: null, states: null };
    return (await this.connection.requestLeader('operation.list', all, requestTimeoutMs)).operations;
  }

  async finished(id: string, timeoutMs = 60_000): Promise<Operation> {
    return pollUntil(
      async () => {
        const operation = await this.operation(id);
        return operation && isFinished(operation.state) ? operation : undefined;
      },
      { timeoutMs, intervalMs: 25, what: `operation ${id} ended` },
    );
  }

  /** Every group has a primary that takes writes. */
  async writable(): Promise<boolean> {
    const view = await this.view();
    return view.groups.length > 0 && view.groups.every((group) => group.writable);
  }

  /**
   * All nodes healthy, every group writable with its standbys as voters again, no operation left running, and all that for `steadyMs`: right after a
   * fault the view still shows what was. Answers since when (monotonic).
   */
  async healed(timeoutMs: number, steadyMs = 0): Promise<number> {
    let since: number | null = null;
    return pollUntil(
      async () => {
        const why = await this.view().then(whyNotWell, (error: unknown) => String(error));
        if (why !== null) {
          since = null;
          throw new Error(why);
        }
        since ??= performance.now();
        return performance.now() - since >= steadyMs ? since : undefined;
      },
      { timeoutMs, intervalMs: 100, what: 'the cluster healed' },
    );
  }
}

export function whyNotWell(view: ClusterView): string | null {
  const ill = view.nodes.find((node) => node.status !== 'healthy');
  if (ill) return `${ill.record.id} is ${ill.status}: ${ill.statusReason}`;
  for (const { record, writable, degraded, sentence } of view.groups) {
    if (!writable || degraded) return `${record.name}: ${sentence}`;
    const standbys = view.nodes.filter(
      (node) => node.record.group === record.name && node.record.id !== record.primary,
    );
    const missing = standbys.find((node) => !record.voterSet.members.includes(node.record.id));
    if (missing) return `${missing.record.id} is no voter of ${record.name} yet`;
    const silent = standbys.find((node) => node.report?.postgres.walReceiver?.status !== 'streaming');
    if (silent) return `${silent.record.id} does not stream yet`;
  }
  const running = view.operations.find((operation) => !isFinished(operation.state));
  return running ? `${running.id} (${running.kind}) is ${running.state}` : null;
}

function found<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new Error(`no ${what}`);
  return value;
}
