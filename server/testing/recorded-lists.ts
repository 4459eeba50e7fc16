/**
 * What a recorded node or leader answers where it keeps a list: several entries each, and page by page as the real one gives them, so that
 * pages are pages in tests too.
 */
import type { RaftLogEntry } from '@/engine/control/store';
import type { PeerLinkStatus } from '@/engine/interconnect/api';
import type { HealthTransition, ResourceSample } from '@/engine/monitoring/model';
import type { EngineParams, LogPage, RouterStatus, SessionInfo } from '@/engine/runtime/engine-api';

const entries = 5;
const each = [...Array(entries).keys()];
/** A minute apart; the first two share their millisecond, as events do. */
const at = (index: number) => new Date(Date.UTC(2026, 0, 1, 0, Math.max(0, index - 1))).toISOString();

export function recordedSessions({ limit, after }: EngineParams<'node.sessions'>): SessionInfo[] {
  const later = ({ startedAt, pid }: SessionInfo) =>
    !after || startedAt! > after.startedAt || (startedAt === after.startedAt && pid > after.pid);
  return each
    .map((index) => session(4711 + index, at(index)))
    .filter(later)
    .slice(0, limit ?? entries);
}

function session(pid: number, startedAt: string): SessionInfo {
  return {
    pid,
    user: 'app',
    database: 'app',
    applicationName: 'psql',
    clientAddress: '127.0.0.1',
    state: 'active',
    waitEventType: null,
    waitEvent: null,
    query: 'select 1',
    startedAt,
    transactionStartedAt: null,
    queryStartedAt: null,
    blockedBy: [],
    backendType: 'client backend',
  };
}

/** A place in this log is the number of the line behind it. */
export function recordedLog({ limit, from, level }: EngineParams<'node.logs'>): LogPage {
  const end = from ? Number(from) : entries;
  const begin = Math.max(0, end - limit);
  const lines = each.slice(begin, end).map((index) => ({
    at: at(index),
    level: 'LOG',
    pid: 1,
    message: index === entries - 1 ? 'ready' : `line ${index}`,
    sqlState: null,
    user: null,
    database: null,
  }));
  return {
    lines: lines.filter((line) => level === null || line.level === level),
    next: begin > 0 ? String(begin) : null,
  };
}

export function recordedRaftLog({ limit, before }: EngineParams<'raft.log'>): RaftLogEntry[] {
  return each
    .map((index) => ({ index: 100 - index, term: 2, kind: 'txn' as const, summary: 'put config', bytes: 300 }))
    .filter((entry) => before == null || entry.index < before)
    .slice(0, limit);
}

export function recordedHistory({ limit, before }: EngineParams<'health.history'>): HealthTransition[] {
  const transition = { node: 'node-2', group: null, from: 'degraded', to: 'healthy', reason: 'caught up' };
  // The last two are one and the same, as when a node flaps within a millisecond.
  return each
    .map((index) => ({
      ...transition,
      id: `0000000001-00000000000${index}`,
      at: at(index),
      from: index < 2 ? 'degraded' : 'unhealthy',
    }))
    .reverse()
    .filter((one) => !before || one.at <= before)
    .slice(0, limit);
}

export function recordedSamples(): ResourceSample[] {
  return each.map((index) => ({
    at: at(index + 1),
    cpuPercent: 1,
    memoryPercent: 2,
    diskUsedBytes: 3_000_000_000,
    diskTotalBytes: 9_000_000_000,
    transactionsPerSecond: 4 + index,
    connections: 5,
    walBytesPerSecond: 6,
    replayLagMs: null,
    lagBytes: null,
  }));
}

export function recordedLinks(peers: readonly string[]): PeerLinkStatus[] {
  return peers.map((peer) => ({
    peer,
    connected: true,
    rttUs: { last: 80, p50: 75, p99: 300 },
    lastHeardMs: 20,
    phi: 0.1,
    sentMessages: 10,
    receivedMessages: 10,
    sentBytes: 5_000_000_000,
    receivedBytes: 1000,
    queuedBytes: 0,
    droppedMessages: 0,
    reconnects: 0,
  }));
}

/** The router knows both services of alpha; who uses which changes nothing. */
export function recordedRouter(): RouterStatus {
  const counters = { group: 'alpha', host: '127.0.0.1', held: 0, openSessions: 3, totalSessions: 40, refused: 1 };
  const endpoint = { reason: null, sessions: 0, weight: 1, connectMs: 0.5 };
  const standby = { ...endpoint, state: 'idle' as const, reason: 'it is a standby' };
  return {
    host: '127.0.0.1',
    pid: 77,
    startedAt: at(0),
    services: [
      {
        ...counters,
        service: 'alpha-rw',
        kind: 'rw',
        port: 6401,
        strategy: 'primary',
        next: { node: 'node-1', reason: 'it is the primary of epoch 1' },
        endpoints: [
          { ...endpoint, node: 'node-1', state: 'active', sessions: 3 },
          { ...standby, node: 'node-2' },
          { ...standby, node: 'node-3' },
        ],
      },
      {
        ...counters,
        service: 'alpha-ro',
        kind: 'ro',
        port: 6402,
        strategy: 'least_connections',
        next: { node: 'node-3', reason: 'chosen by least_connections among the standbys that qualify' },
        endpoints: [
          { ...endpoint, node: 'node-2', state: 'lagging', reason: '1200 ms behind, limit 1000 ms' },
          { ...endpoint, node: 'node-3', state: 'active', sessions: 3 },
        ],
      },
    ],
    clients: [],
  };
}
