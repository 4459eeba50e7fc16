/**
 * The protocol broken on purpose, one rule at a time, in the real source. A checker must notice each: a checker that catches nothing checks nothing.
 */
export type Mutation = {
  readonly name: string;
  /** Below engine/control. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** The hunt begins here: a seed known to catch it, so that the test is quick. */
  readonly seed: number;
};

export const mutations: readonly Mutation[] = [
  {
    name: 'quorum minus one',
    file: 'raft/core/quorum.ts',
    find: 'return Math.floor(voters / 2) + 1;',
    replace: 'return Math.max(1, Math.floor(voters / 2));',
    seed: 1,
  },
  {
    name: 'vote twice in a term',
    file: 'raft/core/election.ts',
    find: '(state.vote === null || state.vote === candidate) && state.leader === null',
    replace: 'true',
    seed: 2,
  },
  {
    name: 'append acknowledged before it is durable',
    file: 'raft/sim/node.ts',
    find: "case 'persist':",
    replace:
      "case 'persist': for (const m of effect.messages) if (m.kind === 'append-answer') this.world.send(m); effect = { ...effect, messages: effect.messages.filter((m) => m.kind !== 'append-answer') };",
    seed: 9,
  },
  {
    name: 'leader counts its own entry before it is durable',
    file: 'raft/core/replication.ts',
    find: 'key === state.selfKey ? state.durableIndex',
    replace: 'key === state.selfKey ? lastIndex(state.log)',
    seed: 14,
  },
  {
    name: 'vote for a candidate whose log is behind',
    file: 'raft/core/election.ts',
    find: 'return newer || (equal && isMember(configuration, memberKey(message.from)));',
    replace: 'return newer || equal || true;',
    seed: 1,
  },
  {
    name: 'append accepted without the entry before',
    file: 'raft/core/follower.ts',
    find: 'if (ours !== message.prevTerm) {',
    replace: 'if (ours === null) {',
    seed: 11,
  },
  {
    name: 'conflicting tail kept',
    file: 'raft/core/follower.ts',
    find: 'const fresh = message.entries.findIndex((entry) => termAt(state.log, entry.index) !== entry.term);',
    replace: 'const fresh = message.entries.findIndex((entry) => termAt(state.log, entry.index) === null);',
    seed: 1,
  },
  {
    name: 'read answered without a round',
    file: 'raft/core/reads.ts',
    find: 'const idle = leading.confirmedRound === leading.round;',
    replace: "work.effects.push({ kind: 'read-ready', id, index: state.commitIndex }); return; const idle = true;",
    seed: 81,
  },
  {
    name: 'read answered before the noop of the term is committed',
    file: 'raft/core/reads.ts',
    find: 'if (state.commitIndex < leading.noopIndex)',
    replace: 'if (false)',
    seed: 19,
  },
  {
    name: 'new leader does not treat leases as renewed',
    file: 'core/leases.ts',
    find: '    electedAt,\n    configuredMs,\n    longestMs:',
    replace: '    electedAt: electedAt - configuredMs,\n    configuredMs,\n    longestMs:',
    seed: 2,
  },
  {
    name: 'renewals answered while a grant is in flight',
    file: 'core/leases.ts',
    find: "if (groups.includes(request.group)) return 'grant-in-flight';",
    replace: "if (groups.length < 0) return 'grant-in-flight';",
    seed: 66,
  },
  {
    name: 'lease guard not checked at the append',
    file: 'core/leases.ts',
    find: 'return left > 0 ? left : null;',
    replace: 'return null;',
    seed: 1,
  },
  {
    name: 'renewal of an older epoch answered',
    file: 'core/leases.ts',
    find: 'lease.epoch !== request.epoch || lease.primary !== request.holder || lease.free',
    replace: 'lease.free',
    seed: 372,
  },
  {
    name: 'repeated transaction applied again',
    file: 'core/kv.ts',
    find: 'if (known !== undefined) {',
    replace: 'if (known !== undefined && known > 1e9) {',
    seed: 1,
  },
  {
    name: 'compare ignored',
    file: 'core/kv.ts',
    find: 'if (!holds) return',
    replace: 'if (!holds && state.revision < 3) return',
    seed: 1,
  },
  {
    name: 'empty directory votes',
    file: 'raft/core/election.ts',
    find: 'if (configuration.voters.length === 0) return false;',
    replace: 'if (configuration.voters.length === 0) return true;',
    seed: 112,
  },
  {
    name: 'restored old copy takes part',
    file: 'raft/sim/disk.ts',
    find: "if (image.place !== image.recordedPlace) return { refused: 'copy' };",
    replace: '',
    seed: 7,
  },
  {
    name: 'messages to an earlier life accepted',
    file: 'raft/core/step.ts',
    find: 'memberKey(message.to) !== state.selfKey ||',
    replace: '',
    seed: 2,
  },
];
