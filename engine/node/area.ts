/**
 * What an area brings to each agent: its requests, its duties, its start and stop. The agent knows no area by name; the composition root
 * (engine/runtime/areas.ts) lists them. An area reads the cluster's records, asks other nodes, opens sessions on this node's own PostgreSQL, and has no say
 * in who serves.
 */
import type { EmbeddedControlStore } from '../control/store';
import type { Interconnect } from '../interconnect/api';
import type { Epoch } from '../kernel/ids';
import type { Logger } from '../kernel/log';
import type { Loop } from '../kernel/loop';
import type { PostgresServer } from '../postgres/api';
import type { AgentConfig } from '../runtime/process-config';

export type AreaMeans = {
  readonly config: AgentConfig;
  readonly logger: Logger;
  readonly loop: Loop;
  readonly store: Pick<EmbeddedControlStore, 'get' | 'list' | 'txn' | 'localGet' | 'localList' | 'watch'>;
  readonly interconnect: Pick<Interconnect, 'request' | 'onRequest'>;
  readonly postgres: Pick<PostgresServer, 'configuration'>;
  /** The epoch under which this node's PostgreSQL serves as primary right now; null: it does not. */
  readonly serving: () => Epoch | null;
};

export type AgentArea = {
  /** By method, as in EngineRequests. */
  // biome-ignore lint/suspicious/noExplicitAny: each area types its own table
  readonly requests: Readonly<Record<string, (params: any) => Promise<unknown>>>;
  /** The control store has been read and the interconnect listens. */
  start(): void;
  stop(): Promise<void>;
};

export type MakeArea = (means: AreaMeans) => AgentArea;
