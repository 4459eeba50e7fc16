/** The control store's consensus on the wire. */
import { z } from 'zod';
import { bigCount, bytes, milliseconds } from '../shared/primitives';

const raftMember = z
  .object({ id: z.string(), incarnation: z.string() })
  .meta({ id: 'RaftMember', description: 'A member in one life of its data directory' });

export const raftStatus = z
  .object({
    answered_by: z.string(),
    role: z.enum(['leader', 'follower', 'pre-candidate', 'candidate', 'learner']),
    term: bigCount,
    leader: z.string().nullable(),
    commit_index: bigCount,
    applied_index: bigCount,
    last_index: bigCount,
    snapshot_index: bigCount,
    log_bytes: bytes,
    state_bytes: bytes,
    has_quorum: z.boolean(),
    quorum_size: z.int(),
    voters: z.array(raftMember),
    learners: z.array(raftMember),
    peers: z.array(
      z
        .object({
          id: z.string(),
          voter: z.boolean(),
          match_index: bigCount.nullable(),
          next_index: bigCount.nullable(),
          lag_entries: bigCount.nullable().meta({ description: 'Entries behind the leader', scalar: 'BigInt' }),
          last_contact_ms: milliseconds.nullable(),
          state: z.enum(['probe', 'replicate', 'snapshot', 'unknown']),
        })
        .meta({ id: 'RaftPeer', description: 'Progress of one peer' }),
    ),
    tolerates: z.int().meta({ description: 'How many more voters may be lost before changes stop' }),
    fatal_losses: z
      .array(z.array(z.string()))
      .meta({ description: 'Smallest sets of reachable voters whose further loss would stop changes; at most 20' }),
  })
  .meta({ id: 'RaftStatus', description: 'Consensus: term, leader, indexes, peers' });

export const raftEntry = z
  .object({
    index: bigCount,
    term: bigCount,
    kind: z.enum(['noop', 'txn', 'configuration']),
    summary: z.string().meta({ description: 'Decoded; secrets replaced' }),
    bytes,
  })
  .meta({ id: 'RaftEntry', description: 'A consensus log entry' });

export const leadership = z
  .object({ leader: z.string(), term: bigCount, message: z.string() })
  .meta({ id: 'Leadership', description: 'Who leads the control store' });
