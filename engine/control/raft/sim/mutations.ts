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
    seed: 2,
  },
  {
    name: 'vote twice in a term',
    file: 'raft/core/election.ts',
    find: '(state.vote === null || state.vote === candidate) && state.leader === null',
    replace: 'true',
    seed: 5,
  },
  {
    name: 'append acknowledged before it is durable',
    file: 'raft/raft-runtime.ts',
    find: 'this.#persist!.push(effect);',
    replace: "this.#send(effect.messages.filter((m) => m.kind === 'append-answer')); this.#persist!.push(effect);",
    seed: 32,
  },
  {
    name: 'vote for a candidate whose log is behind',
    file: 'raft/core/election.ts',
    find: 'return newer || (equal && isMember(configuration, memberKey(message.from)));',
    replace: 'return newer || equal || true;',
    seed: 2,
  },
  {
    name: 'append accepted without the entry before',
    file: 'raft/core/follower.ts',
    find: 'if (ours !== message.prevTerm) {',
    replace: 'if (ours === null) {',
    seed: 28,
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
    seed: 11,
  },
  {
    name: 'new leader does not treat leases as renewed',
    file: 'core/leases.ts',
    find: '    electedAt,\n    configuredMs,\n    longestMs:',
    replace: '    electedAt: electedAt - configuredMs,\n    configuredMs,\n    longestMs:',
    seed: 1,
  },
  {
    name: 'renewals answered while a grant is in flight',
    file: 'core/leases.ts',
    find: "if (groups.includes(request.group)) return 'grant-in-flight';",
    replace: "if (groups.length < 0) return 'grant-in-flight';",
    seed: 36,
  },
  {
    name: 'lease guard not checked at the append',
    file: 'core/leases.ts',
    find: 'return left > 0 ? left : null;',
    replace: 'return null;',
    seed: 1,
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
    name: 'messages to an earlier life accepted',
    file: 'raft/core/step.ts',
    find: 'memberKey(message.to) !== state.selfKey ||',
    replace: '',
    seed: 18,
  },
  {
    name: 'a frame is not synced',
    file: 'raft/log-storage.ts',
    find: '    await segment.sync();\n    this.#segmentBytes',
    replace: '    this.#segmentBytes',
    seed: 1,
  },
  {
    name: 'a new file is renamed before it is synced',
    file: 'raft/log-storage.ts',
    find: '      await opened.sync();\n      await this.#whenRoom',
    replace: '      await this.#whenRoom',
    seed: 1,
  },
  {
    name: 'the name of a new file is not synced',
    file: 'raft/log-storage.ts',
    find: '      await this.#disk.syncDirectory(this.options.directory);\n    } finally',
    replace: '    } finally',
    seed: 1,
  },
  {
    name: 'a failed sync is gone over',
    file: 'raft/log-storage.ts',
    find: 'if (error instanceof DiskFull) throw error;\n      // After',
    replace: 'if (error instanceof DiskFull) throw error;\n      return;\n      // After',
    seed: 1,
  },
  {
    name: 'what was half written on a full disk is not cut',
    file: 'raft/log-storage.ts',
    find: '() => segment.truncate(this.#segmentBytes),',
    replace: 'async () => undefined,',
    seed: 1,
  },
  {
    name: 'what found no room counts as written',
    file: 'raft/persist-queue.ts',
    find: 'if (error instanceof DiskFull) this.#waitForRoom(error, wasFull);',
    replace:
      'if (error instanceof DiskFull) { for (const lost of this.#queue.splice(0)) { this.callbacks.send(lost.messages); this.callbacks.persisted(lost.token, lost.lastIndex, lost.lastTerm); } }',
    seed: 7,
  },
  {
    name: 'what was not known to be committed is shown after a restart',
    file: 'raft/raft-runtime.ts',
    find: '|| entry.index > committed',
    replace: '',
    seed: 1,
  },
  {
    name: 'a transaction gets another id when it is asked again',
    file: 'raft/raft-store.ts',
    find: "return this.#call('store.txn', { id, txn }, () => this.#leaderTxn(id, txn));",
    replace:
      "const other = () => id + '/' + Math.random(); return this.#call('store.txn', { get id() { return other(); }, txn }, () => this.#leaderTxn(other(), txn));",
    seed: 1,
  },
];

/**
 * Not caught yet by the few dozen runs that were hunted with: each is an open question to the simulator, to be given the fault that shows it (or a
 * seed) and moved up. Not asserted.
 */
export const notYetCaught: readonly Mutation[] = [
  {
    name: 'leader counts its own entry before it is durable',
    file: 'raft/core/replication.ts',
    find: 'key === state.selfKey ? state.durableIndex',
    replace: 'key === state.selfKey ? lastIndex(state.log)',
    seed: 1,
  },
  {
    name: 'read answered before the noop of the term is committed',
    file: 'raft/core/reads.ts',
    find: 'if (state.commitIndex < leading.noopIndex)',
    replace: 'if (false)',
    seed: 1,
  },
  {
    name: 'renewal of an older epoch answered',
    file: 'core/leases.ts',
    find: 'lease.epoch !== request.epoch || lease.primary !== request.holder || lease.free',
    replace: 'lease.free',
    seed: 1,
  },
  {
    name: 'empty directory votes',
    file: 'raft/core/election.ts',
    find: 'if (configuration.voters.length === 0) return false;',
    replace: 'if (configuration.voters.length === 0) return true;',
    seed: 1,
  },
  {
    name: 'restored old copy takes part',
    file: 'raft/log-storage.ts',
    find: 'place.inode !== frame.head.place.inode && place.born !== frame.head.place.born',
    replace: 'false',
    seed: 1,
  },
  {
    name: 'what was read at the start is not written again',
    file: 'raft/log-storage.ts',
    find: '    await this.#settle(entries);\n',
    replace: '',
    seed: 1,
  },
  {
    name: 'a leader without room goes on leading',
    file: 'raft/core/step.ts',
    find: 'else if (state.leading ? !alone : state.role !== passiveRole(state))',
    replace: 'else if (state.leading ? alone && !alone : state.role !== passiveRole(state))',
    seed: 1,
  },
  {
    name: 'an entry that the replica has is applied again',
    file: 'raft/raft-runtime.ts',
    find: 'const known = entry.index <= this.#replayedIndex;',
    replace: 'const known = false;',
    seed: 1,
  },
  {
    name: 'a snapshot of a replica that is ahead',
    file: 'raft/raft-runtime.ts',
    find: '|| state.appliedIndex < this.#replayedIndex',
    replace: '',
    seed: 1,
  },
  {
    name: 'a snapshot forgets which transactions were decided',
    file: 'core/kv-snapshot.ts',
    find: 'yield* seenParts(image.seen, partChars);',
    replace: 'yield* seenParts([], partChars);',
    seed: 1,
  },
  {
    name: 'an entry of another leader answers a proposal',
    file: 'raft/pending.ts',
    find: 'if (waiting.term === entry.term)',
    replace: 'if (waiting.term > 0)',
    seed: 1,
  },
  {
    name: 'a renewal is answered without a round',
    file: 'raft/raft-store.ts',
    find: '    await this.#confirmLeadership(true);\n',
    replace: '',
    seed: 1,
  },
  {
    name: 'a list is answered without a round',
    file: 'raft/raft-store.ts',
    find: 'await this.#confirmLeadership();\n    return this.localList(prefix);',
    replace: 'return this.localList(prefix);',
    seed: 1,
  },
  {
    name: 'a lease is counted by the length that the leader has configured',
    file: 'core/leases.ts',
    find: 'return Math.max(lease.leaseMs ?? table.longestMs, table.configuredMs);',
    replace: 'return table.configuredMs;',
    seed: 1,
  },
  {
    name: 'a longer lease than the one counted is told',
    file: 'core/leases.ts',
    find: 'return leaseOf(kv, group)?.leaseMs ?? table.configuredMs;',
    replace: 'return (leaseOf(kv, group)?.leaseMs ?? table.configuredMs) * 1.5;',
    seed: 1,
  },
];
