/** Distributed transactions as clients see them. The words are X/Open's where it has some. */
import { z } from 'zod';
import { bigCount, bytes, isoTime, milliseconds } from '../shared/primitives';
import { xid } from './xid';

export const transactionState = z
  .enum([
    'active',
    'idle',
    'rollback_only',
    'preparing',
    'prepared',
    'deciding',
    'committing',
    'rolling_back',
    'committed',
    'rolled_back',
    'heuristic',
  ])
  .meta({ description: 'State of the whole transaction' });

const branchMode = z
  .enum(['managed', 'application'])
  .meta({ description: 'managed: the coordinator runs its statements; application: the application has the session' });

const managerKind = z
  .enum(['group', 'postgresql', 'mariadb'])
  .meta({ description: 'A group of this cluster, or a server outside' });

const decision = z
  .enum(['commit', 'abort'])
  .nullable()
  .meta({ description: 'What was decided; null: nothing yet, or not known' });

const branch = z
  .object({
    resource_manager: z.string().meta({ description: 'Where the branch runs' }),
    kind: managerKind,
    mode: branchMode,
    state: z
      .enum(['active', 'idle', 'prepared', 'committed', 'rolled_back', 'read_only', 'unknown'])
      .meta({ description: 'read_only: it changed nothing; unknown: its resource manager does not answer' }),
    identifier: z.string().meta({ description: 'Under which it is prepared' }),
    prepare_with: z.array(z.string()).meta({
      description: 'What the session of an application runs, in order; its own statements stand in place of …',
    }),
    statements: z.int().meta({ description: 'Statements that were run in it' }),
    error: z.string().nullable(),
    prepared_at: isoTime.nullable().meta({ description: 'When it was prepared', scalar: 'DateTime' }),
    ended_at: isoTime.nullable().meta({ description: 'When it committed or was rolled back', scalar: 'DateTime' }),
  })
  .meta({ id: 'XaBranch', description: 'The part of a distributed transaction on one resource manager' });

export const xaTransaction = z
  .object({
    xid: z.string().meta({ description: 'As callers name it' }),
    id: z.string().meta({ description: 'As the coordinator names it, in identifiers of branches' }),
    state: transactionState,
    coordinator_group: z.string().meta({ description: 'Group that keeps the decision' }),
    coordinator_node: z.string().meta({ description: 'Node that coordinates it' }),
    decision,
    decided_at: isoTime.nullable().meta({ description: 'When it was decided', scalar: 'DateTime' }),
    branches: z.array(branch).meta({ description: 'One entry per resource manager' }),
    started_at: isoTime,
    started_by: z.string().meta({ description: 'Who started it' }),
    ended_at: isoTime.nullable().meta({ description: 'When every branch was known to have ended', scalar: 'DateTime' }),
    deadline_at: isoTime
      .nullable()
      .meta({ description: 'It is rolled back unless it is decided by then; null once it is', scalar: 'DateTime' }),
    reason: z.string().nullable().meta({ description: 'Why it rolls back, or what is waited for' }),
    warnings: z.array(z.string()).meta({ description: 'What the caller should know' }),
  })
  .meta({ id: 'XaTransaction', description: 'One transaction over several resource managers' });

const statementResult = z
  .object({
    resource_manager: z.string().meta({ description: 'Where it ran' }),
    columns: z.array(z.string()).meta({ description: 'Names of the columns' }),
    rows: z
      .array(z.array(z.unknown().nullable()))
      .meta({ description: 'Values of each row, in the order of the columns' }),
    row_count: z.int().nullable().meta({ description: 'Rows that it returned or changed' }),
    truncated: z.boolean().meta({ description: 'There were more rows than asked for' }),
  })
  .meta({ id: 'XaStatementResult', description: 'What one statement answered' });

export const xaWork = xaTransaction
  .extend({ results: z.array(statementResult).meta({ description: 'One entry per statement, in order' }) })
  .meta({ id: 'XaWork', description: 'A distributed transaction, and what the statements of this call answered' });

export const managerName = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/, 'letters, digits, dashes, dots and underscores, at most 128')
  .meta({ description: 'A group of this cluster, or a registered resource manager' });

const parameter = z.union([z.string().max(1_000_000), z.number(), z.boolean(), z.null()]);
const mostStatements = 100;

export const work = z
  .array(
    z
      .strictObject({
        resource_manager: managerName,
        statement: z.string().min(1).max(1_000_000).meta({ description: 'One SQL statement' }),
        parameters: z
          .array(parameter)
          .max(1000)
          .default([])
          .meta({ description: 'Values of $1, $2, … (MariaDB: of ?), never part of the text' }),
        max_rows: z.int().min(0).max(10_000).default(1000).meta({ description: 'At most this many rows are answered' }),
      })
      .meta({ id: 'XaStatementInput', description: 'A statement in a managed branch' }),
  )
  .max(mostStatements)
  .meta({ description: 'Run in order; those of different resource managers at the same time' });

export const branchInput = z
  .strictObject({ resource_manager: managerName, mode: branchMode.default('managed') })
  .meta({ id: 'XaBranchInput', description: 'A branch that is wanted' });

export const xidInput = { xid } as const;
export const reasonInput = z.string().max(500).optional().meta({ description: 'Why; kept in the audit log' });

const managerHealth = z
  .object({
    state: z.enum(['up', 'down', 'unknown']).meta({ description: 'Whether it answers' }),
    sentence: z.string().nullable().meta({ description: 'Why it is down or cannot take part' }),
    checked_at: isoTime.nullable().meta({ description: 'When it was last asked', scalar: 'DateTime' }),
    version: z.string().nullable().meta({ description: 'Version of the server' }),
    round_trip_ms: milliseconds.nullable(),
    max_prepared: z
      .int()
      .nullable()
      .meta({ description: 'Prepared transactions that it may hold; 0: it cannot take part' }),
  })
  .meta({ id: 'ResourceManagerHealth', description: 'What the last look at a resource manager found' });

export const tlsMode = z
  .enum(['off', 'verify-ca', 'verify-full'])
  .meta({ description: 'Whether the connection is encrypted and what is checked of the certificate' });

export const resourceManager = z
  .object({
    name: z.string(),
    kind: managerKind,
    host: z.string().nullable().meta({ description: 'Null for a group: its primary' }),
    port: z.int().nullable(),
    database: z.string().nullable(),
    user: z.string().nullable(),
    tls: tlsMode,
    registered_at: isoTime.nullable().meta({ description: 'Null for a group', scalar: 'DateTime' }),
    registered_by: z.string().nullable().meta({ description: 'Null for a group' }),
    health: managerHealth,
    open_branches: z.int().meta({ description: 'Branches of transactions that have not ended' }),
  })
  .meta({ id: 'ResourceManager', description: 'A server that takes part in distributed transactions' });

export const verdict = z
  .enum(['commit', 'abort', 'undecided', 'foreign', 'unknown'])
  .meta({ description: 'What follows for it by itself' });

export const clusterTransaction = z
  .object({
    node: z.string().nullable().meta({ description: 'Node that holds it; null: a resource manager outside' }),
    group: z.string().nullable().meta({ description: 'Group of the node; null: a resource manager outside' }),
    resource_manager: z.string().meta({ description: 'Group or resource manager that holds it' }),
    identifier: z.string().meta({ description: 'Under which it is prepared there' }),
    transaction_id: z.string().nullable().meta({ description: 'Ours: the id of its transaction' }),
    xid: z.string().nullable().meta({ description: 'Ours: as its caller named it, where that is still known' }),
    branch: z.int().nullable().meta({ description: 'Ours: number of the branch' }),
    coordinator_group: z.string().nullable().meta({ description: 'Ours: group that keeps the decision' }),
    owner: z.string().nullable().meta({ description: 'Role that prepared it' }),
    database: z.string().nullable(),
    prepared_at: isoTime.nullable().meta({ description: 'Null: the server does not tell', scalar: 'DateTime' }),
    age_ms: milliseconds.nullable().meta({ description: 'Since it was prepared; null: the server does not tell' }),
    decision,
    decided_at: isoTime.nullable().meta({ description: 'When it was decided', scalar: 'DateTime' }),
    decided_by: z.string().nullable().meta({ description: 'Who decided it' }),
    locks: z.int().nullable().meta({ description: 'Locks that it holds' }),
    waiting_pids: z.array(z.int()).meta({ description: 'Sessions that wait for its locks' }),
    horizon_transactions: bigCount
      .nullable()
      .meta({ description: 'How far it holds back vacuum, in transactions', scalar: 'BigInt' }),
    wal_bytes: bytes.nullable().meta({ description: 'WAL that a restart must read because of it', scalar: 'BigInt' }),
    blocks: z.string().meta({ description: 'What it blocks, one sentence' }),
    verdict,
    verdict_sentence: z.string().meta({ description: 'The verdict and what it rests on' }),
    next: z.string().meta({ description: 'What happens by itself and when' }),
  })
  .meta({ id: 'ClusterTransaction', description: 'A prepared transaction on one server' });

const latency = z
  .object({
    p50: milliseconds.meta({ description: 'Median, milliseconds' }),
    p95: milliseconds.meta({ description: '95th percentile, milliseconds' }),
    p99: milliseconds.meta({ description: '99th percentile, milliseconds' }),
    max: milliseconds.meta({ description: 'Longest, milliseconds' }),
  })
  .meta({ id: 'XaLatency', description: 'Latency over the last 4,096' });

const count = (description: string) => bigCount.meta({ description, scalar: 'BigInt' });

export const transactionStats = z
  .object({
    coordinator_group: z.string().meta({ description: 'Group that keeps the decisions' }),
    coordinator_node: z.string().meta({ description: 'Node that counted' }),
    since: isoTime.meta({ description: 'Since when it counts', scalar: 'DateTime' }),
    started: count('Transactions that were started'),
    committed: count('Transactions that committed'),
    rolled_back: count('Transactions that were rolled back'),
    one_phase: count('Transactions that committed in one phase'),
    heuristic: count('Branches that an administrator ended'),
    timed_out: count('Transactions that were rolled back at their deadline'),
    resolved_by_janitor: count('Branches that were ended without their coordinator'),
    active: z.int().meta({ description: 'Transactions that are not prepared now' }),
    prepared: z.int().meta({ description: 'Transactions that are prepared now' }),
    unfinished: z.int().meta({ description: 'Decided transactions with branches that were not told yet' }),
    latencies: z
      .object({
        prepare: latency.nullable().meta({ description: 'First phase' }),
        decide: latency.nullable().meta({ description: 'Writing the decision' }),
        commit: latency.nullable().meta({ description: 'Second phase' }),
        total: latency.nullable().meta({ description: 'From the call of commit to its answer' }),
      })
      .meta({ id: 'XaLatencies', description: 'Latencies of the phases; null: none yet' }),
  })
  .meta({ id: 'ClusterTransactionStats', description: 'Counters and latencies of two-phase commit' });

export const heuristicOutcome = z
  .object({
    identifier: z.string().meta({ description: 'Under which it was prepared' }),
    node: z.string().nullable(),
    resource_manager: z.string().nullable().meta({ description: 'Resource manager outside that held it' }),
    outcome: z.enum(['commit', 'rollback']),
    decision,
    agrees: z.boolean().meta({ description: 'The outcome is what was decided' }),
    consequences: z.array(z.string()).meta({ description: 'What follows from ending it so' }),
    done: z.boolean().meta({ description: 'False: this was a dry run' }),
    message: z.string().meta({ description: 'One sentence: what was done, or what would be' }),
  })
  .meta({ id: 'HeuristicOutcome', description: 'A prepared transaction that an administrator ends' });

export const xaRecovery = z
  .object({
    sentence: z.string().meta({ description: 'What is true now, one sentence' }),
    total: z.int().meta({ description: 'Prepared branches of ours' }),
    to_commit: z.int().meta({ description: 'Branches that will be committed' }),
    to_roll_back: z.int().meta({ description: 'Branches that will be rolled back' }),
    undecided: z.int().meta({ description: 'Branches whose transaction is open' }),
    unknown: z.int().meta({ description: 'Branches that wait for a decision nobody can tell now' }),
    foreign: z.int().meta({ description: 'Prepared transactions that are not ours' }),
    oldest_age_ms: milliseconds.nullable().meta({ description: 'Age of the oldest branch; null: there is none' }),
    branches: z
      .array(clusterTransaction)
      .max(1000)
      .meta({ description: 'Oldest first, at most 1,000; /cluster/transactions has pages' }),
    missing_nodes: z.array(z.string()).meta({ description: 'Nodes that do not answer' }),
    missing_resource_managers: z.array(z.string()).meta({ description: 'Resource managers that do not answer' }),
  })
  .meta({ id: 'XaRecovery', description: 'What recovery of distributed transactions has to do' });
