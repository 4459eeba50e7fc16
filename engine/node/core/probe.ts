/**
 * What a load balancer that speaks Patroni's health checks is answered: paths, parameters and statuses are those of Patroni 4's REST API
 * (patroni.readthedocs.io, "Patroni REST API"), the facts are ours. Facts in, status and document out.
 *
 * Invariants kept: whatever says that this node takes writes hangs on the same answer that routers admit sessions by, counted at this moment; whatever
 * else is not known, or known for too long, is a 503; nothing but GET, HEAD and OPTIONS is answered.
 */
import type { PostgresReport } from '../../cluster/model';
import { clusterDocument, historyDocument, nodeDocument } from './probe-documents';
import { acknowledges, type ProbeFacts, servesWrites, standbyLagBytes, stateNow } from './probe-facts';

const checks = {
  '/': 'primary',
  '/primary': 'primary',
  '/read-write': 'primary',
  '/master': 'primary',
  '/leader': 'primary',
  '/standby-leader': 'standby-leader',
  '/standby_leader': 'standby-leader',
  '/replica': 'replica',
  '/read-only': 'read-only',
  '/sync': 'sync',
  '/synchronous': 'sync',
  '/read-only-sync': 'read-only-sync',
  '/read-only-synchronous': 'read-only-sync',
  '/quorum': 'quorum',
  '/read-only-quorum': 'read-only-quorum',
  '/async': 'async',
  '/asynchronous': 'async',
  '/health': 'health',
  '/readiness': 'readiness',
  '/liveness': 'liveness',
} as const;

const documents = { '/patroni': 'patroni', '/cluster': 'cluster', '/history': 'history' } as const;

type Check = (typeof checks)[keyof typeof checks];
type Question = Check | (typeof documents)[keyof typeof documents];

/** What the caller demands beside the path. */
type Demands = {
  readonly maximumLagBytes: number | null;
  readonly replicationState: string | null;
  readonly lagOf: 'replayed' | 'received';
  /** Patroni's user-defined tags; nodes here have none. */
  readonly tagged: boolean;
};

export type ProbeRequest = {
  readonly method: string;
  /** As in the request line. */
  readonly target: string;
  readonly hasBody: boolean;
};

export type ProbeAnswer = {
  readonly status: 200 | 400 | 404 | 405 | 413 | 503;
  /** JSON, or null for an empty body. */
  readonly body: unknown;
};

export const allowedMethods = 'GET, HEAD, OPTIONS';

export function answerProbe(request: ProbeRequest, facts: () => ProbeFacts): ProbeAnswer {
  if (!allowedMethods.split(', ').includes(request.method))
    return refused(405, `Only ${allowedMethods} are answered here; changes go through the API of the console.`);
  if (request.hasBody) return refused(413, 'A probe has no body.');
  const [path = '', parameters = ''] = request.target.split('?', 2);
  const question = questionOf(path);
  if (question === null) return refused(404, 'There is no such probe.');
  const demands = demandsOf(new URLSearchParams(parameters));
  if (demands === null) return refused(400, 'lag is a number of bytes, or one with B, kB, MB, GB or TB behind it.');
  return answer(question, demands, facts());
}

function refused(status: 400 | 404 | 405 | 413, error: string): ProbeAnswer {
  return { status, body: { error } };
}

function questionOf(path: string): Question | null {
  const plain = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  const known: Readonly<Record<string, Question>> = { ...checks, ...documents };
  return Object.hasOwn(known, plain) ? (known[plain] ?? null) : null;
}

function demandsOf(parameters: URLSearchParams): Demands | null {
  const lag = parameters.get('lag');
  const maximumLagBytes = lag === null ? null : bytesOf(lag);
  if (lag !== null && maximumLagBytes === null) return null;
  return {
    maximumLagBytes,
    replicationState: parameters.get('replication_state'),
    lagOf: parameters.get('mode') === 'write' ? 'received' : 'replayed',
    tagged: [...parameters.keys()].some((name) => name.startsWith('tag_')),
  };
}

const units: Readonly<Record<string, number>> = { '': 1, b: 1, kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30, tb: 2 ** 40 };

/** `1048576`, `16kB`, `64MB`, `1GB`; null: it is none. */
export function bytesOf(text: string): number | null {
  const match = /^\s*(\d{1,15}(?:\.\d{1,6})?)\s*([kmgt]?b)?\s*$/i.exec(text);
  return match && Math.round(Number(match[1]) * units[(match[2] ?? '').toLowerCase()]!);
}

function answer(question: Question, demands: Demands, facts: ProbeFacts): ProbeAnswer {
  switch (question) {
    case 'patroni':
      return { status: 200, body: nodeDocument(facts) };
    case 'cluster':
      return { status: 200, body: clusterDocument(facts) };
    case 'history':
      return { status: 200, body: historyDocument(facts.group) };
    case 'readiness':
    case 'liveness':
      return { status: passes(question, demands, facts) ? 200 : 503, body: null };
    default:
      return { status: passes(question, demands, facts) ? 200 : 503, body: nodeDocument(facts) };
  }
}

function passes(check: Check, demands: Demands, facts: ProbeFacts): boolean {
  const primary = servesWrites(facts);
  const replica = () => !demands.tagged && servesReads(facts, demands);
  switch (check) {
    case 'primary':
      return primary;
    // A group of its own replicates from no other one.
    case 'standby-leader':
      return false;
    case 'replica':
      return replica();
    case 'read-only':
      return primary ? !demands.tagged : replica();
    case 'sync':
    case 'quorum':
      return acknowledges(facts) === check && replica();
    case 'read-only-sync':
      return primary ? !demands.tagged : acknowledges(facts) === 'sync' && replica();
    case 'read-only-quorum':
      return primary ? !demands.tagged : acknowledges(facts) === 'quorum' && replica();
    case 'async':
      return acknowledges(facts) === 'none' && replica();
    case 'health':
      return !demands.tagged && stateNow(facts) === 'running';
    case 'readiness':
      return primary || ready(facts, demands);
    case 'liveness':
      return facts.turnedMs <= facts.leaseMs * (primary ? 1 : 2);
  }
}

function servesReads(facts: ProbeFacts, { maximumLagBytes, replicationState }: Demands): boolean {
  const { route, seen } = facts;
  if (route.role === 'primary' || route.draining || stateNow(facts) !== 'running' || seen?.report.state !== 'standby')
    return false;
  if (replicationState !== null && seen.report.walReceiver?.status !== replicationState) return false;
  return maximumLagBytes === null || isWithin(seen.report, 'replayed', maximumLagBytes);
}

function ready(facts: ProbeFacts, { maximumLagBytes, lagOf }: Demands): boolean {
  const { seen } = facts;
  return (
    stateNow(facts) === 'running' &&
    seen?.report.state === 'standby' &&
    seen.report.walReceiver?.status === 'streaming' &&
    isWithin(seen.report, lagOf, maximumLagBytes ?? facts.readyLagBytes)
  );
}

/** A standby that hears nothing of its primary doesn't know how far behind it is, so it is within no limit. */
function isWithin(report: PostgresReport, lagOf: 'replayed' | 'received', limit: number): boolean {
  const lag = standbyLagBytes(report, lagOf);
  return lag !== null && lag <= limit;
}
