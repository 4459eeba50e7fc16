/** Distributed transactions, as an agent takes part in them: it coordinates while its node is the coordinator group's primary, and resolves its own server's branches. */
import { createHash } from 'node:crypto';
import { type GroupRecord, keys } from '../cluster/model';
import { ClusterError, messageOf } from '../kernel/errors';
import type { Epoch } from '../kernel/ids';
import type { Timer } from '../kernel/loop';
import { every } from '../kernel/waiting';
import type { AgentArea, AreaMeans, MakeArea } from '../node/area';
import { LocalConnection, type LocalEndpoint } from '../postgres/connection';
import { readSecret } from '../runtime/secrets';
import { Coordinating } from './coordinating';
import type { XaRequests } from './door';
import { preparedHere } from './in-doubt';
import { Resolver, type SettleAnswer, type SettleRequest } from './resolver';

const passMs = 1_000;
const settleTimeoutMs = 15_000;
const settleMethod = 'xa.settle';
const coordinatorKey = 'xa/coordinator';

type Handlers = {
  readonly [M in keyof XaRequests]: (params: XaRequests[M]['params']) => Promise<XaRequests[M]['result']>;
};

class XaArea implements AgentArea {
  readonly #cluster: string;
  readonly #connection: LocalConnection;
  readonly #resolver: Resolver;
  #coordinating: Coordinating | null = null;
  #epoch: Epoch | null = null;
  #timer: Timer | null = null;
  #passing = false;
  #stopped = false;

  constructor(private readonly means: AreaMeans) {
    const { config, logger, interconnect } = means;
    this.#cluster = mark(config.clusterId);
    this.#connection = new LocalConnection(() => this.#endpoint('postgres', 'local'));
    this.#resolver = new Resolver({
      logger,
      connection: this.#connection,
      endpoint: (database) => this.#endpoint(database, this.#synchronousCommit()),
      cluster: this.#cluster,
      settle: (request) => this.#askToSettle(request),
    });
    interconnect.onRequest(settleMethod, async (payload, from) => {
      if (from.kind !== 'node') throw new ClusterError('FORBIDDEN', 'Decisions are settled for nodes only.');
      return (await this.#coordinator()).settle(payload as SettleRequest);
    });
  }

  start(): void {
    this.#timer = every(this.means.loop, passMs, () => void this.#pass());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#coordinating?.stop();
    this.#coordinating = null;
    this.#connection.close();
  }

  readonly requests: Handlers = {
    'xa.start': async (params) => (await this.#coordinator()).calls.start(params),
    'xa.execute': async ({ xid, work }) => (await this.#coordinator()).calls.execute(xid, work),
    'xa.end': async ({ xid, flag }) => (await this.#coordinator()).calls.end(xid, flag),
    'xa.prepare': async ({ xid }) => (await this.#coordinator()).calls.prepare(xid),
    'xa.commit': async ({ xid, onePhase }) => (await this.#coordinator()).commit(xid, onePhase),
    'xa.rollback': async ({ xid }) => (await this.#coordinator()).rollback(xid),
    'xa.forget': async ({ xid }) => (await this.#coordinator()).forget(xid),
    'xa.get': async ({ xid }) => (await this.#coordinator()).get(xid),
    'xa.list': async ({ limit, ended }) => (await this.#coordinator()).list(limit, ended),
    'xa.decisions': async ({ ids, preparedAt }) => (await this.#coordinator()).decisions(ids, preparedAt),
    'xa.stats': async () => (await this.#coordinator()).stats(),
    'xa.managers': async () => (await this.#coordinator()).managerViews(),
    'xa.manager.register': async ({ registration, dryRun, requester }) =>
      (await this.#coordinator()).managers.register(registration, dryRun, requester.by),
    'xa.manager.remove': async (params) => (await this.#coordinator()).removeManager(params),
    'xa.prepared.outside': async () => (await this.#coordinator()).preparedOutside(),
    'xa.prepared': ({ limit }) => {
      const { nodeId: node, group } = this.means.config;
      return preparedHere(this.#connection, { node, group, cluster: this.#cluster }, Math.min(limit, 10_000));
    },
    'xa.branch.end': async (params) => this.#endBranch(params),
  };

  /** An administrator's act, on the node that holds the branch; noted by the coordinator first. */
  async #endBranch({
    identifier,
    resourceManager,
    outcome,
    requester,
  }: XaRequests['xa.branch.end']['params']): Promise<XaRequests['xa.branch.end']['result']> {
    const coordinator = await this.#coordinator();
    const { group } = this.means.config;
    return { decision: await coordinator.endBranch(resourceManager ?? group, identifier, outcome, requester) };
  }

  async #pass(): Promise<void> {
    if (this.#passing || this.#stopped) return;
    this.#passing = true;
    try {
      const epoch = this.means.serving();
      if (epoch !== this.#epoch) {
        this.#coordinating?.stop();
        this.#coordinating = null;
        this.#epoch = epoch;
      }
      if (epoch === null) return;
      await this.#resolver.pass();
      await (await this.#coordinatingHere())?.pass();
    } catch (error) {
      this.means.logger.debug({ error: messageOf(error) }, 'a pass over prepared transactions failed, trying again');
    } finally {
      this.#passing = false;
    }
  }

  async #coordinatingHere(): Promise<Coordinating | null> {
    const { config, serving } = this.means;
    const epoch = serving();
    if (epoch === null || this.#stopped || (await this.#coordinatorGroup()) !== config.group) return null;
    if (epoch !== this.#epoch) {
      this.#coordinating?.stop();
      this.#coordinating = null;
      this.#epoch = epoch;
    }
    this.#coordinating ??= new Coordinating({
      means: this.means,
      cluster: this.#cluster,
      groupMark: mark(config.group),
      clusterSecret: readSecret(config.secretFile),
      endpoint: () => this.#endpoint('postgres', this.#synchronousCommit()),
      resolved: () => this.#resolver.resolved,
    });
    return this.#coordinating;
  }

  async #coordinator(): Promise<Coordinating> {
    const here = await this.#coordinatingHere();
    if (here) return here;
    const group = await this.#coordinatorGroup();
    const node = this.#group(group)?.primary ?? null;
    throw new ClusterError(
      'CONFLICT',
      `Transactions are coordinated by the primary of ${group}${node === null ? ', which has none right now' : `, ${node}`}.`,
      {
        clusterCode: 'CLU_STALE_EPOCH',
        extra: { coordinator_group: group, coordinator_node: node },
      },
    );
  }

  /** Chosen once: decisions of all time are found there. */
  async #coordinatorGroup(): Promise<string> {
    const { store } = this.means;
    const known = store.localGet(coordinatorKey) ?? (await store.get(coordinatorKey));
    if (known) return (known.value as { group: string }).group;
    const [first] = store
      .localList(keys.groups)
      .map(({ value }) => (value as unknown as GroupRecord).name)
      .sort();
    if (first === undefined) throw new ClusterError('UNAVAILABLE', 'The cluster has no group yet.');
    await store.txn({
      compare: [{ key: coordinatorKey, modRevision: 0 }],
      mutations: [{ kind: 'put', key: coordinatorKey, value: { group: first } }],
    });
    return ((await store.get(coordinatorKey))?.value as { group: string } | undefined)?.group ?? first;
  }

  async #askToSettle(request: SettleRequest): Promise<SettleAnswer> {
    const node = this.#group(request.group)?.primary;
    if (!node)
      throw new ClusterError('UNAVAILABLE', `Group ${request.group}, which coordinates, has no primary right now.`);
    if (node === this.means.config.nodeId) return (await this.#coordinator()).settle(request);
    return this.means.interconnect.request<SettleAnswer>(node, settleMethod, request, { timeoutMs: settleTimeoutMs });
  }

  #group(name: string): GroupRecord | null {
    return (this.means.store.localGet(keys.group(name))?.value as unknown as GroupRecord | undefined) ?? null;
  }

  #synchronousCommit(): string {
    return this.#group(this.means.config.group)?.mode === 'synchronous' ? 'remote_apply' : 'on';
  }

  #endpoint(database: string, synchronousCommit: string): LocalEndpoint {
    const { paths, port, passwords } = this.means.postgres.configuration;
    return {
      socketDirectory: paths.socketDirectory,
      port,
      password: passwords.superuser,
      purpose: 'rustydb xa',
      database,
      settings: { synchronous_commit: synchronousCommit },
    };
  }
}

export const xaArea: MakeArea = (means) => new XaArea(means);

function mark(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
