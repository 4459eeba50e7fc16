/**
 * Limits that follow from the members of a group: how long a node's name may be, and how many senders, slots and connections PostgreSQL needs. Steps of
 * powers of two, and one member ahead, so that adding a node needs a restart rarely. Invariant: a group of n members has a sender and a slot for each
 * standby, one for a clone of each that is being made, and at least eight for users.
 */
import { isName } from '../../kernel/ids';

/** A slot's name has at most 63 bytes, and a member's is `rustydb_<id>`. */
export const nodeIdLimit = 55;
export const mostMembers = 100;

export function isNodeName(value: string): boolean {
  return isName(value) && value.length <= nodeIdLimit;
}

const forUsers = 8;

export type MemberLimits = {
  readonly max_wal_senders: number;
  readonly max_replication_slots: number;
  readonly max_connections: number;
};

/** What a server starts with in a group of so many members. */
export function limitsFor(members: number): MemberLimits {
  const needed = Math.max(1, members) + forUsers;
  const senders = Math.max(16, 2 ** Math.ceil(Math.log2(needed)));
  // The worker that copies failover slots holds an ordinary connection for each standby.
  return { max_wal_senders: senders, max_replication_slots: 2 * senders, max_connections: 200 + (senders - 16) };
}

/** The least with which a group of so many members works at all: what an operator may lower it to, and what must run before one is added. */
export function leastFor(members: number): MemberLimits {
  return { max_wal_senders: members + 2, max_replication_slots: members + 2, max_connections: members + 20 };
}
