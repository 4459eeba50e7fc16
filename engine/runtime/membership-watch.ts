/**
 * Follows the node records in the control store: starts an agent for a node that was added to this host, stops the agent of one that was
 * removed, tells the agents where the router listens, and notes when all founders have been up once. Reads the local replica of any
 * reachable agent, so it works without a majority; acts only on records it has actually read.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keys, type NodeRecord } from '../cluster/model';
import { EngineConnection } from '../interconnect/engine-connection';
import { messageOf } from '../kernel/errors';
import type { NodeId } from '../kernel/ids';
import type { Logger } from '../kernel/log';
import { replaceFile, systemFiles } from '../kernel/small-files';
import type { Installation, NodePlace } from './installation';
import type { StoppedNodes } from './stopped-nodes';

const pollMs = 1000;
const requestTimeoutMs = 2000;
/** An agent that restarted learns within this many cycles where the router listens. */
const announceEveryCycles = 2;
/** Who was told keeps it while the connection lasts; told again all the same, now and then. */
const repeatEveryCycles = 30;
/** A replica older than this says nothing about removals. */
const freshMs = 3000;

export type MembershipWatchOptions = {
  readonly installation: Installation;
  readonly logger: Logger;
  readonly secret: string;
  readonly stopped: StoppedNodes;
  startAgent(place: NodePlace, all: readonly NodePlace[]): Promise<void>;
  stopAgent(node: NodeId): Promise<void>;
  runningAgents(): readonly NodeId[];
  onNodes(nodes: readonly NodePlace[]): Promise<void>;
  routerPid(): number | null;
};

export class MembershipWatch {
  #connection: EngineConnection | null = null;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;
  #cycles = 0;
  #nodes: readonly NodePlace[];
  readonly #seen = new Set<NodeId>();
  /** What each connected agent was told of the router and the stopped nodes. */
  readonly #told = new Map<NodeId, string>();

  constructor(private readonly options: MembershipWatchOptions) {
    this.#nodes = this.#remembered() ?? options.installation.founders();
  }

  /** What was known at the last run: founders before anything else was learnt. */
  knownNodes(): readonly NodePlace[] {
    return this.#nodes;
  }

  async start(): Promise<void> {
    this.#connection = new EngineConnection({
      kind: 'launcher',
      name: `launcher:${randomUUID()}`,
      clusterId: this.options.installation.clusterId,
      secret: this.options.secret,
      seeds: await this.options.installation.seeds(this.#nodes),
      logger: this.options.logger,
    });
    // An agent that restarted has forgotten it.
    this.#connection.onNodeState((node, connected) => {
      if (!connected) this.#told.delete(node);
    });
    await this.#connection.start();
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#connection?.stop();
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#cycle().then(
        () => this.#schedule(),
        (error: unknown) => {
          this.options.logger.debug({ error: messageOf(error) }, 'membership not read this time');
          this.#schedule();
        },
      );
    }, pollMs);
  }

  async #cycle(): Promise<void> {
    const connection = this.#connection;
    if (!connection) return;
    await this.#startRepaired();
    if (this.#cycles % repeatEveryCycles === 0) this.#told.clear();
    if (this.#cycles++ % announceEveryCycles === 0) await this.#announceRouter(connection);
    const node = connection.connectedNodes()[0];
    if (node === undefined) return;
    const { entries, ageMs } = await connection.requestNode(
      node,
      'store.localList',
      { prefix: keys.nodes },
      requestTimeoutMs,
    );
    if (ageMs > freshMs || entries.length === 0) return;
    const records = entries.map((entry) => entry.value as unknown as NodeRecord);
    this.#noteFounders(connection);
    await this.#follow(connection, records);
  }

  /** The operator moved a damaged directory away or put it right: no word to us is needed. */
  async #startRepaired(): Promise<void> {
    for (const node of this.options.stopped.changed()) {
      const place = this.#nodes.find((candidate) => candidate.id === node);
      if (!place) continue;
      this.options.logger.info({ node }, 'its directory was changed: starting the stopped node again');
      await this.options.startAgent(place, this.#nodes);
    }
  }

  async #announceRouter(connection: EngineConnection): Promise<void> {
    const services = await this.options.installation.services(this.#nodes);
    const pid = this.options.routerPid();
    const router = pid === null ? null : { host: '127.0.0.1', pid, services };
    const stopped = this.options.stopped.list();
    const news = JSON.stringify({ router, stopped });
    const untold = connection.connectedNodes().filter((node) => this.#told.get(node) !== news);
    await Promise.allSettled(
      untold.map(async (node) => {
        await connection.requestNode(node, 'runtime.put', { router, stopped }, requestTimeoutMs);
        this.#told.set(node, news);
      }),
    );
  }

  #noteFounders(connection: EngineConnection): void {
    if (this.options.installation.seeded) return;
    for (const node of connection.connectedNodes()) this.#seen.add(node);
    if (this.options.installation.founders().every((founder) => this.#seen.has(founder.id)))
      this.options.installation.markSeeded();
  }

  async #follow(connection: EngineConnection, records: readonly NodeRecord[]): Promise<void> {
    const places = records.map(({ id, group, region }) => ({ id, group, region }));
    const wanted = new Set(places.map((place) => place.id));
    const running = new Set(this.options.runningAgents());
    const added = places.filter((place) => !running.has(place.id));
    const removed = [...running].filter((node) => !wanted.has(node));
    if (added.length === 0 && removed.length === 0) return;
    this.#nodes = places;
    this.#remember();
    for (const place of added) {
      this.options.logger.info({ node: place.id, group: place.group }, 'starting the agent of a node that was added');
      await this.options.startAgent(place, places);
    }
    for (const node of removed) {
      this.options.logger.info({ node }, 'stopping the agent of a node that was removed');
      await this.options.stopAgent(node);
      this.options.logger.info({ node, directory: this.options.installation.setAside(node) }, 'its data was set aside');
    }
    connection.setNodes(await this.options.installation.seeds(places));
    await this.options.onNodes(places);
  }

  get #file(): string {
    return join(this.options.installation.dataDirectory, 'nodes.json');
  }

  #remembered(): readonly NodePlace[] | null {
    if (!existsSync(this.#file)) return null;
    try {
      const places = JSON.parse(readFileSync(this.#file, 'utf8')) as NodePlace[];
      if (!Array.isArray(places) || places.some(({ id, group, region }) => !id || !group || !region))
        throw new Error('not a list of nodes');
      return places;
    } catch (error) {
      // Only a copy of the records: with the founders enough of them are reached to read the records again.
      this.options.logger.warn({ file: this.#file, error: messageOf(error) }, 'damaged, starting with the founders');
      return null;
    }
  }

  #remember(): void {
    replaceFile(systemFiles, this.#file, JSON.stringify(this.#nodes, null, 2));
  }
}
