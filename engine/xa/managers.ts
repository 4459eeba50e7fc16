/**
 * The resource managers that the coordinator knows: this cluster's groups, under their names, and servers outside from the catalog. Passwords are sealed in the
 * control store.
 */
import { z } from 'zod';
import { type GroupRecord, keys, type NodeRecord } from '../cluster/model';
import { Catalog, defineCatalog, type Entry, isSecret, type Secret } from '../control/catalog';
import { ClusterError, messageOf } from '../kernel/errors';
import type { AreaMeans } from '../node/area';
import type { ManagerHealth, ManagerRegistration, ManagerView } from './door';
import { MariadbManager } from './mariadb-manager';
import { PostgresManager, type PostgresTarget } from './postgres-manager';
import { type ResourceManager, xaError } from './resource-manager';

const healthEveryMs = 10_000;

const schema = z.object({
  kind: z.enum(['postgresql', 'mariadb']),
  host: z.string(),
  port: z.int(),
  database: z.string(),
  user: z.string(),
  password: z.custom<Secret>(isSecret),
  tls: z.enum(['off', 'verify-ca', 'verify-full']),
  certificateAuthority: z.string().nullable(),
  registeredAt: z.string(),
  registeredBy: z.string(),
});

type ManagerRecord = z.infer<typeof schema>;

const managerCatalog = defineCatalog<ManagerRecord>({
  name: 'resource-manager',
  prefix: 'xa/resource-managers/',
  schema,
  secret: ['password'],
});

const notChecked: ManagerHealth = {
  state: 'unknown',
  sentence: null,
  checkedAt: null,
  version: null,
  roundTripMs: null,
  maxPrepared: null,
};

type Outside = { readonly revision: number; readonly record: ManagerRecord; readonly manager: ResourceManager };

export class Managers {
  readonly #catalog: Catalog<ManagerRecord>;
  readonly #outside = new Map<string, Outside>();
  readonly #groups = new Map<string, ResourceManager>();
  readonly #health = new Map<string, ManagerHealth>();
  #checkedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly means: AreaMeans,
    clusterSecret: string,
    private readonly cluster: string,
  ) {
    this.#catalog = new Catalog(managerCatalog, means.store, { clusterSecret, loop: means.loop });
  }

  /** @throws XAER_RMERR for a name that nobody has */
  async find(name: string): Promise<ResourceManager> {
    if (this.#isGroup(name)) return this.#group(name);
    const entry = await this.#catalog.get(name).catch(() => null);
    if (!entry) {
      const manager = this.#outside.get(name)?.manager;
      this.#outside.delete(name);
      manager?.close();
      const known = [...this.#groupNames(), ...this.#outside.keys()].join(', ');
      throw xaError('XAER_INVAL', `There is no resource manager ${name}; known are ${known}.`);
    }
    return this.#outsideOf(entry);
  }

  /** Those outside the cluster. */
  async outside(): Promise<readonly ResourceManager[]> {
    const { entries } = await this.#catalog.list({ limit: 1000 });
    return Promise.all(entries.map((entry) => this.#outsideOf(entry)));
  }

  async views(openBranches: (name: string) => number): Promise<readonly ManagerView[]> {
    const groups = this.#groupNames().map((name) => this.#groupView(name, openBranches(name)));
    const { entries } = await this.#catalog.list({ limit: 1000 });
    await this.checkAll();
    const outside = entries.map(({ id, record }) => this.#outsideView(id, record, openBranches(id)));
    return [...groups.map((view) => ({ ...view, health: this.#health.get(view.name) ?? notChecked })), ...outside];
  }

  /** At most every few seconds; who doesn't answer delays only itself. */
  async checkAll(): Promise<void> {
    if (this.means.loop.now() - this.#checkedAtMs < healthEveryMs) return;
    this.#checkedAtMs = this.means.loop.now();
    const all = [...this.#groupNames().map((name) => this.#group(name)), ...(await this.outside())];
    await Promise.all(
      all.map(async (manager) => {
        this.#health.set(manager.name, await manager.check());
      }),
    );
  }

  /** Tried first: what doesn't answer, or can't take part, is refused with its own words. */
  async register(registration: ManagerRegistration, dryRun: boolean, by: string): Promise<ManagerView> {
    const { name } = registration;
    if (this.#isGroup(name))
      throw new ClusterError('CONFLICT', `${name} is a group of this cluster: it takes part under its own name.`);
    const registeredAt = new Date(this.means.loop.wallMs()).toISOString();
    const { name: _name, password, ...rest } = registration;
    const record: ManagerRecord = { ...rest, password: { clear: password }, registeredAt, registeredBy: by };
    const trial = this.#make(name, record, password);
    const health = await trial.check();
    trial.close();
    if (health.state !== 'up') {
      throw new ClusterError('CONFLICT', `${name} can't take part: ${health.sentence}`, {
        reasons: [
          {
            rule: 'resource-manager-answers',
            measured: health.sentence,
            limit: 'up',
            remedy: 'Check address, login and TLS, then register it again.',
          },
        ],
      });
    }
    if (!dryRun) {
      const kept = await this.#catalog.create(name, record);
      await this.#outsideOf(kept);
    }
    this.#health.set(name, health);
    return this.#outsideView(name, record, 0);
  }

  async remove(name: string): Promise<boolean> {
    if (this.#isGroup(name))
      throw new ClusterError('CONFLICT', `${name} is a group of this cluster: it can't be removed here.`);
    const removed = await this.#catalog.remove(name);
    this.#outside.get(name)?.manager.close();
    this.#outside.delete(name);
    this.#health.delete(name);
    return removed;
  }

  close(): void {
    for (const { manager } of this.#outside.values()) manager.close();
    for (const manager of this.#groups.values()) manager.close();
    this.#outside.clear();
    this.#groups.clear();
  }

  #isGroup(name: string): boolean {
    return this.means.store.localGet(keys.group(name)) !== null;
  }

  #groupNames(): readonly string[] {
    return this.means.store.localList(keys.groups).map(({ value }) => (value as unknown as GroupRecord).name);
  }

  #group(name: string): ResourceManager {
    const found = this.#groups.get(name);
    if (found) return found;
    const made = new PostgresManager({
      name,
      kind: 'group',
      loop: this.means.loop,
      cluster: this.cluster,
      target: () => this.#groupTarget(name),
    });
    this.#groups.set(name, made);
    return made;
  }

  #groupTarget(name: string): PostgresTarget {
    const record = this.means.store.localGet(keys.group(name))?.value as unknown as GroupRecord | undefined;
    const node = record?.primary ? this.means.store.localGet(keys.node(record.primary)) : null;
    if (!record || !node || record.leaseReleased)
      throw xaError('XAER_RMFAIL', `Group ${name} has no primary right now.`);
    const { host, postgresPort: port } = node.value as unknown as NodeRecord;
    const { app: password } = this.means.postgres.configuration.passwords;
    const synchronousCommit = record.mode === 'synchronous' ? 'remote_apply' : 'on';
    return { host, port, database: 'app', user: 'app', password, synchronousCommit };
  }

  async #outsideOf({ id, record, revision }: Entry<ManagerRecord>): Promise<ResourceManager> {
    const found = this.#outside.get(id);
    if (found?.revision === revision) return found.manager;
    const password = await this.#catalog.reveal(id, 'password');
    found?.manager.close();
    const manager = this.#make(id, record, password ?? '');
    this.#outside.set(id, { revision, record, manager });
    return manager;
  }

  #make(name: string, record: ManagerRecord, password: string): ResourceManager {
    const { host, port, database, user, tls, certificateAuthority } = record;
    const ca = certificateAuthority === null ? {} : { ca: certificateAuthority };
    const ssl =
      tls === 'off'
        ? undefined
        : { rejectUnauthorized: true, ...ca, ...(tls === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}) };
    const target = () => ({ host, port, database, user, password, ...(ssl ? { ssl } : {}) });
    const common = { name, loop: this.means.loop, cluster: this.cluster, target };
    return record.kind === 'mariadb'
      ? new MariadbManager(common)
      : new PostgresManager({ ...common, kind: 'postgresql' });
  }

  #groupView(name: string, openBranches: number): ManagerView {
    let place: PostgresTarget | null = null;
    try {
      place = this.#groupTarget(name);
    } catch (error) {
      this.means.logger.debug({ group: name, error: messageOf(error) }, 'no primary to show');
    }
    return {
      name,
      kind: 'group',
      host: place?.host ?? null,
      port: place?.port ?? null,
      database: 'app',
      user: 'app',
      tls: 'off',
      registeredAt: null,
      registeredBy: null,
      health: notChecked,
      openBranches,
    };
  }

  #outsideView(name: string, record: ManagerRecord, openBranches: number): ManagerView {
    const { kind, host, port, database, user, tls, registeredAt, registeredBy } = record;
    const health = this.#health.get(name) ?? notChecked;
    return { name, kind, host, port, database, user, tls, registeredAt, registeredBy, health, openBranches };
  }
}
