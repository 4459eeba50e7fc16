// biome-ignore-all lint/suspicious/noTemplateCurlyInString: edits quote source, templates included
/**
 * Deliberate mistakes: each breaks one rule of the protocol in the source that ships (or in what the simulated PostgreSQL promises), and must be caught
 * by a checker. `hunt` begins where the mistake is known to show.
 */
import type { Suite } from './faults';
import type { Aim } from './simulation';
import type { Edit } from './simulation-worker';

export type Mutation = {
  readonly name: string;
  /** The rule that it breaks. */
  readonly breaks: string;
  readonly edits: readonly Edit[];
  readonly suite: Suite;
  readonly from: number;
  readonly expected: RegExp;
  /** Faults under which it shows soon. */
  readonly aim?: Aim;
};

const handlers = 'node/command-handlers.ts';
const voterSet = 'cluster/core/voter-set.ts';
const lease = 'node/core/lease-keeper.ts';
const memberLoop = 'node/member-loop.ts';
const server = 'testing/group-sim/pg-server.ts';

export const mutations: readonly Mutation[] = [
  {
    name: 'promises-minus-one',
    breaks: 'any promise quorum intersects any acknowledgement quorum',
    edits: [
      { file: voterSet, find: 'return set.members.length - set.k + 1;', replace: 'return set.members.length - set.k;' },
    ],
    aim: { mode: 'semi_synchronous', faults: ['primary and one standby crash'] },
    suite: 'promise',
    from: 2,
    expected: /loses|missing|acknowledged/,
  },
  {
    name: 'report-before-receiver-gone',
    breaks: 'a promise is reported only once the walreceiver is gone',
    edits: [
      {
        file: server,
        find: "    return role === 'standby' && !receives && this.#engine",
        replace: "    return role === 'standby' && this.#engine",
      },
    ],
    aim: {
      mode: 'semi_synchronous',
      members: 3,
      faults: ['agent and guardian frozen', 'a member restarts between promise and grant'],
    },
    suite: 'promise',
    from: 450,
    expected: /./,
  },
  {
    name: 'way-to-the-old-primary-left-open',
    breaks: 'who promised reaches the old primary no more, also by a walreceiver that begins later',
    edits: [
      {
        file: handlers,
        find: '    this.#context.walSource.setUpstream(null);\n    return this.#context.serverQueue',
        replace: '    return this.#context.serverQueue',
      },
      {
        file: handlers,
        find: '      this.#context.walSource.setUpstream(null);\n      const report',
        replace: '      const report',
      },
    ],
    aim: {
      mode: 'semi_synchronous',
      members: 3,
      faults: ['agent and guardian frozen', 'a member restarts between promise and grant'],
    },
    suite: 'promise',
    from: 450,
    expected: /./,
  },
  {
    name: 'add-voter-in-postgres-first',
    breaks: 'a voter is added to the store first',
    edits: [
      {
        file: voterSet,
        find: '  if (joining.length > 0 || safeK < record.k) {',
        replace:
          "  if (joining.length > 0 && !sameSet(input.postgres, goal)) return { kind: 'set-postgres', voterSet: goal, why: 'mutation' };\n  if (joining.length > 0 || safeK < record.k) {",
      },
    ],
    aim: { mode: 'semi_synchronous', faults: ['standby crash', 'link cut', 'node frozen'] },
    suite: 'voter-set',
    from: 4,
    expected: /the store says|have it|waits for/,
  },
  {
    name: 'remove-voter-in-store-first',
    breaks: 'a voter is removed from PostgreSQL first',
    edits: [
      {
        file: voterSet,
        find: "  if (!sameSet(input.postgres, goal)) {\n    return { kind: 'set-postgres', voterSet: goal, why: `commits wait for ${describe(goal)}` };\n  }\n  if (sameSet(record, goal))",
        replace:
          "  if (!sameSet(record, goal)) return { kind: 'write-store', voterSet: goal, promotable: 'voters', why: 'mutation' };\n  if (!sameSet(input.postgres, goal)) {\n    return { kind: 'set-postgres', voterSet: goal, why: `commits wait for ${describe(goal)}` };\n  }\n  if (sameSet(record, goal))",
      },
    ],
    aim: { mode: 'synchronous', faults: ['standby crash', 'link cut', 'node frozen'] },
    suite: 'voter-set',
    from: 1,
    expected: /the store says|have it|waits for/,
  },
  {
    name: 'no-barrier',
    breaks: 'what was acknowledged under earlier settings is with the new voters before the store relies on them',
    edits: [
      {
        file: voterSet,
        find: '  const { barrier } = input;\n',
        replace:
          "  const { barrier } = input;\n  if (barrier === null || barrier !== null) return { kind: 'write-store', voterSet: goal, promotable: 'voters', why: 'mutation' };\n",
      },
    ],
    aim: { mode: 'semi_synchronous', faults: ['link cut', 'standby crash', 'node frozen'] },
    suite: 'voter-set',
    from: 48,
    expected: /have it|loses|missing/,
  },
  {
    name: 'skip-epoch-in-follow',
    breaks: 'a member never again follows a primary below the epoch that it promised',
    edits: [
      {
        file: 'node/core/promise.ts',
        find: '  const { durable, record } = facts;\n  if (wanted.epoch < durable.promisedEpoch) {',
        replace: '  const { durable, record } = facts;\n  if (wanted.epoch < 0) {',
      },
    ],
    aim: { mode: 'semi_synchronous', members: 3, faults: ['a member restarts between promise and grant'] },
    suite: 'promise',
    from: 1,
    expected: /./,
  },
  {
    name: 'release-before-dead',
    breaks: 'a lease goes back only when every process is dead',
    edits: [
      { file: lease, find: "  if (state.giveBack && state.stage === 'dead') {", replace: '  if (state.giveBack) {' },
    ],
    aim: {
      mode: 'semi_synchronous',
      faults: ['switchover', 'slow stop', 'process hangs in the kernel', 'postgres crash'],
    },
    suite: 'all',
    from: 1,
    expected: /processes left/,
  },
  {
    name: 'guardian-ignores-deadline',
    breaks: 'without a word from the agent the guardian stops the server in time',
    edits: [
      {
        file: 'testing/group-sim/guardian.ts',
        find: '  #look(): void {\n',
        replace: '  #look(): void {\n    if (this.process.alive) return;\n',
      },
    ],
    aim: { mode: 'asynchronous', faults: ['agent frozen', 'agent crash', 'link cut'] },
    suite: 'lease',
    from: 1,
    expected: /after its lease|ms after|alone/,
  },
  {
    name: 'restart-without-lease',
    breaks: 'a server starts as primary only under a held lease',
    edits: [
      {
        file: memberLoop,
        find: "    if (!lease.mayStart(record.epoch)) return this.#doing('waits for the lease to be confirmed');\n",
        replace: '',
      },
      {
        file: memberLoop,
        find: '    if (!lease.mayStart(record.epoch)) return;\n    if (found.standbySignal)',
        replace: '    if (found.standbySignal)',
      },
      {
        file: memberLoop,
        find: "    this.#doing('starting as primary');\n    lease.input({ kind: 'server-starting' });\n",
        replace: "    this.#doing('starting as primary');\n",
      },
      {
        file: 'node/server-starts.ts',
        find: 'serveForMs: serveForMs(), settings',
        replace: 'serveForMs: 2000, settings',
      },
    ],
    suite: 'lease',
    from: 1,
    expected: /without holding it|after its lease|alone/,
  },
  {
    name: 'lease-from-answer',
    breaks: 'the holder counts its lease from before it asked',
    edits: [
      {
        file: lease,
        find: "    const confirmed = confirm(rest, renewal.sent, 'store');",
        replace: "    const confirmed = confirm(rest, { now: input.now, boot: input.boot }, 'store');",
      },
    ],
    aim: { mode: 'asynchronous', members: 3, faults: ['answers late, then the holder alone', 'control leader lost'] },
    suite: 'lease',
    from: 268,
    expected: /after its lease|alone|without holding it|ms after/,
  },
  {
    name: 'admit-after-cut',
    breaks: 'a router admits only to the highest epoch, before the deadline',
    edits: [
      {
        file: 'cluster/core/admission.ts',
        find: '    if (age >= endpoint.remainingMs) return refuse',
        replace: '    if (age < 0) return refuse',
      },
      {
        file: 'cluster/core/admission.ts',
        find: '  if (endpoint.epoch < input.highestEpoch) {',
        replace: '  if (endpoint.epoch < 0) {',
      },
    ],
    aim: { mode: 'semi_synchronous', faults: ['node isolated', 'agent and guardian frozen'] },
    suite: 'lease',
    from: 1,
    expected: /the router admitted/,
  },
  {
    name: 'forget-promise-on-restart',
    breaks: 'a promise is durable',
    edits: [
      {
        file: 'node/durable-state.ts',
        find: '    return text === null ? initialDurableMemberState : parse(this.#file, text);',
        replace:
          '    return text === null ? initialDurableMemberState : { ...parse(this.#file, text), promisedEpoch: 0 };',
      },
    ],
    aim: { mode: 'semi_synchronous', members: 3, faults: ['a member restarts between promise and grant'] },
    suite: 'promise',
    from: 2,
    expected: /loses|missing|acknowledged|ms after/,
  },
  {
    name: 'no-names-before-promote',
    breaks: 'a promoted server has a list of synchronous standbys before its first commit (A16)',
    edits: [
      {
        file: handlers,
        find: '        await postgres.setSynchronousStandbys(record.voterSet.members, record.voterSet.k);\n        this.#mustMayStart(epoch);\n',
        replace: '        this.#mustMayStart(epoch);\n',
      },
      {
        file: voterSet,
        find: "  return record.mode !== 'asynchronous';\n}\n\n/** PostgreSQL's list",
        replace: "  return record.mode === undefined;\n}\n\n/** PostgreSQL's list",
      },
    ],
    aim: { mode: 'semi_synchronous', faults: ['primary crash', 'switchover', 'checkpoint stalls'] },
    suite: 'promise',
    from: 4,
    expected: /does not cover|have it|the store says/,
  },
  {
    name: 'names-believed-once-written',
    breaks: 'names are in force once a commit is seen waiting (A16)',
    edits: [
      {
        file: 'postgres/sync-standbys.ts',
        find: '    if (!this.#commitsWait) await this.server.seeCommitWait();\n',
        replace: '',
      },
      {
        file: voterSet,
        find: "  return record.mode !== 'asynchronous';\n}\n\n/** PostgreSQL's list",
        replace: "  return record.mode === undefined;\n}\n\n/** PostgreSQL's list",
      },
    ],
    aim: { mode: 'semi_synchronous', members: 3, faults: ['standbys back while the checkpoint stalls'] },
    suite: 'voter-set',
    from: 2,
    expected: /have it|the store says|loses/,
  },
  {
    name: 'follow-without-fork-check',
    breaks: 'no member follows before the fork check (A17)',
    edits: [
      {
        file: 'node/fork-check.ts',
        find: "  if (reached.kind === 'can-follow') return { kind: 'can-follow', tagged: facts.knowsTags === true };",
        replace: "  if (reached.kind !== undefined) return { kind: 'can-follow', tagged: facts.knowsTags === true };",
      },
    ],
    aim: {
      mode: 'semi_synchronous',
      faults: ['primary and one standby crash', 'new primary crashes', 'agent and guardian frozen'],
    },
    suite: 'promise',
    from: 11,
    expected: /have it|loses|missing|does not follow|nothing is acknowledged/,
  },
  {
    name: 'any-stop-shipped-everything',
    breaks: 'only a clean stop proves what was shipped (A18)',
    edits: [
      { file: 'cluster/core/clean-stop.ts', find: "  if (control.state !== 'shut down') return null;\n", replace: '' },
    ],
    aim: { mode: 'semi_synchronous', members: 3, faults: ['stop dies, and the voter that is ahead is gone'] },
    suite: 'promise',
    from: 1,
    expected: /loses|missing/,
  },
  {
    name: 'ignore-lease-guard',
    breaks: 'a grant under the guard waits until the old lease has run out',
    edits: [
      {
        file: 'control/core/leases.ts',
        find: '  if (!txn.leaseGuard) return null;',
        replace: '  if (!txn.leaseGuard || txn.leaseGuard) return null;',
      },
    ],
    aim: {
      mode: 'asynchronous',
      faults: ['node isolated', 'control leader lost', 'agent and guardian frozen', 'agent frozen', 'postgres frozen'],
    },
    suite: 'lease',
    from: 510,
    expected: /ms after|after its lease|without holding it/,
  },
  {
    name: 'reuse-timeline',
    breaks: 'a timeline number is never used twice',
    edits: [
      {
        file: handlers,
        find: 'await postgres.promote(promoteTimeoutMs, record.timeline);',
        replace: 'await postgres.promote(promoteTimeoutMs);',
      },
      // A member that held an epoch compares where that epoch began: it would find out by itself.
      {
        file: 'cluster/core/rejoin.ts',
        find: '  if (lastHeldEpoch >= record.epoch) return false;\n',
        replace: '  if (lastHeldEpoch >= 0) return false;\n',
      },
    ],
    aim: { mode: 'semi_synchronous', members: 3, faults: ['the new primary of a switchover crashes at once'] },
    suite: 'promise',
    from: 1,
    expected: /./,
  },
  {
    name: 'fail-safe-with-a-silent-voter',
    breaks: 'without the store every voter must confirm',
    edits: [
      {
        file: 'node/lease-holder.ts',
        find: "    const allConfirmed = answers.every((answer) => answer.status === 'fulfilled' && answer.value.confirmed);",
        replace: '    const allConfirmed = answers.length >= 0;',
      },
    ],
    aim: { mode: 'asynchronous', faults: ['node isolated', 'node isolated', 'store out of reach of all members'] },
    suite: 'lease',
    from: 1,
    expected: /after its lease|alone|ms after/,
  },
  {
    name: 'stale-record-for-postgres',
    breaks: 'PostgreSQL is changed only on a record read through the store’s leader',
    edits: [
      {
        file: 'node/primary-duties.ts',
        find: '        if (!(await this.#storeIsAsDecided(record)) || !this.lease.holds(record.epoch)) return;\n',
        replace: '        this.earlierLife.ended();\n',
      },
    ],
    aim: {
      mode: 'semi_synchronous',
      members: 3,
      faults: ['agent restarts with a voter set on its way', 'control leader lost'],
    },
    suite: 'voter-set',
    from: 41,
    expected: /the store says|have it|waits for/,
  },
  {
    name: 'no-touch-after-restart',
    breaks: 'an agent’s life shuts out what the life before left on its way',
    edits: [
      {
        file: 'node/earlier-life.ts',
        find: '    return !this.#over;',
        replace: '    return this.#over && !this.#over;',
      },
    ],
    aim: {
      mode: 'semi_synchronous',
      members: 3,
      faults: ['agent restarts with a voter set on its way', 'control leader lost'],
    },
    suite: 'voter-set',
    from: 16,
    expected: /./,
  },
  {
    name: 'not-synced',
    breaks: 'a promise is on disk before it is told (A22)',
    edits: [
      {
        file: 'kernel/small-files.ts',
        find: '    file.write(text);\n    file.sync();\n',
        replace: '    file.write(text);\n',
      },
    ],
    aim: { mode: 'semi_synchronous', faults: ['power cut in a write', 'primary crash', 'standby crash', 'switchover'] },
    suite: 'promise',
    from: 1,
    expected: /can't start|loses|missing|acknowledged/,
  },
  {
    name: 'damage-not-noticed',
    breaks: 'what PostgreSQL runs with is asked in each report, and mended (A26)',
    edits: [
      {
        file: 'node/primary-duties.ts',
        find: '      await this.#nameAgain(report, this.#confirmed);\n',
        replace: '',
      },
      {
        file: 'node/core/commit-damage.ts',
        find: '  return usurped(input) ?? changedList(input) ?? loweredCommit(input);',
        replace: '  return input.now === undefined ? changedList(input) : null;',
      },
    ],
    aim: { mode: 'semi_synchronous', faults: ['settings reset by hand', 'messages delayed'] },
    suite: 'voter-set',
    from: 2,
    expected: /never set again|have it|loses/,
  },
  {
    name: 'lost-voter-counts',
    breaks: 'a voter with a new disk writes itself out before it promises or follows (A23)',
    edits: [
      {
        file: 'cluster/core/voter-set.ts',
        find: "  if (!members.includes(node) || record.promotable === 'none') return null;",
        replace: '  if (members.length >= 0) return null;',
      },
    ],
    aim: {
      mode: 'semi_synchronous',
      members: 3,
      faults: ['the voter that is ahead loses its disk, and the primary crashes'],
    },
    suite: 'promise',
    from: 1,
    expected: /./,
  },
  {
    name: 'release-over-invisible-processes',
    breaks: 'processes that can not be seen are no proof of death, and nothing starts beside them (A21)',
    edits: [
      {
        file: server,
        find: '    return this.#engine.dead || !this.host.processesVisible;',
        replace: '    return this.#engine.dead || !this.#engine.postmasterAlive;',
      },
    ],
    aim: { mode: 'semi_synchronous', faults: ['postgres crash', 'postgres crash', 'process hangs in the kernel'] },
    suite: 'lease',
    from: 1,
    expected: /processes left|processes of its data directory/,
  },
  {
    name: 'promoted-by-hand-promises',
    breaks: 'a member whose server somebody promoted by hand promises nothing until it is copied anew',
    edits: [{ file: 'node/hand-promotion.ts', find: '    durable.saveByHand(timeline);\n', replace: '' }],
    aim: {
      mode: 'semi_synchronous',
      members: 3,
      faults: [
        'standby promoted by hand',
        'a voter is promoted by hand, and the primary crashes',
        'switchover',
        'primary crash',
      ],
    },
    suite: 'all',
    from: 7,
    expected: /silent divergence/,
  },
  {
    name: 'mode-before-voter-set',
    breaks: 'only the holder makes a record asynchronous, in the write that empties its voter set (A19)',
    edits: [
      {
        file: 'cluster/core/mode-change.ts',
        find: "  if (usable('wanted-mode', wish.level)) return { ...record, wantedMode: next };",
        replace: "  if (usable('wanted-mode', wish.level)) return { ...record, mode: wanted, wantedMode: null };",
      },
    ],
    aim: { mode: 'semi_synchronous', members: 3, faults: ['mode change', 'primary crash', 'link cut'] },
    suite: 'voter-set',
    from: 1,
    expected: /became asynchronous/,
  },
  {
    name: 'longer-than-recorded',
    breaks: 'a holder never counts its lease longer than the record says (A20)',
    edits: [
      {
        file: 'node/core/lease-length.ts',
        find: '  if (configured > recorded) return',
        replace: '  if (configured !== recorded) return',
      },
      {
        file: 'node/core/lease-length.ts',
        find: '  if (counted !== configured) return',
        replace: '  if (counted < configured) return',
      },
    ],
    aim: {
      mode: 'asynchronous',
      members: 3,
      faults: ['lease length back and forth', 'node isolated', 'agent and guardian frozen', 'control leader lost'],
    },
    suite: 'lease',
    from: 4,
    expected: /ms after|after its lease|without holding it/,
  },
  {
    name: 'promoted-by-hand-counts',
    breaks: 'a timeline that nobody granted proves nothing, and is no candidate',
    edits: [
      {
        file: 'cluster/core/ranking.ts',
        find: '  return timeline !== null && record.timelineHistory.length > 0 && timeline > record.timeline;',
        replace: '  return timeline !== null && timeline < 0 && record.timeline < 0;',
      },
      { file: 'node/hand-promotion.ts', find: '    durable.saveByHand(timeline);\n', replace: '' },
    ],
    aim: {
      mode: 'semi_synchronous',
      members: 3,
      faults: ['a voter is promoted by hand, and the primary crashes', 'standby promoted by hand'],
    },
    suite: 'promise',
    from: 6,
    expected: /./,
  },
];

export function findMutation(name: string): Mutation {
  const found = mutations.find((one) => one.name === name);
  if (!found) throw new Error(`no mutation ${name}: ${mutations.map((one) => one.name).join(', ')}`);
  return found;
}
