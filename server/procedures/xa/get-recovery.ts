/** What XA calls recover: the prepared branches of ours, everywhere, and what becomes of them. */
import { z } from 'zod';
import { query } from '../definition';
import { askDecisions, gatherPrepared, presentPrepared } from './prepared';
import { spell } from './verdict';
import { xaRecovery } from './wire';

const mostBranches = 1000;

export const getRecovery = query({
  name: 'xa.getRecovery',
  summary: 'Prepared branches of distributed transactions everywhere, and what becomes of them',
  rest: { method: 'GET', path: '/xa/recovery' },
  graphql: { field: 'xaRecovery' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({}),
  output: xaRecovery,
  errors: ['TIMEOUT', 'UNAVAILABLE'],
  example: {},
  async handler({ context }) {
    const found = await gatherPrepared(context, {});
    const decisionOf = await askDecisions(context, found.held);
    const now = Date.now();
    const all = found.held.map((one) => presentPrepared(one, decisionOf(one.prepared), now));
    const ours = all.filter((one) => one.verdict !== 'foreign').sort((a, b) => (b.age_ms ?? 0) - (a.age_ms ?? 0));
    const having = (verdict: string) => ours.filter((one) => one.verdict === verdict).length;
    const missing = [...found.missingNodes, ...found.missingManagers];
    return {
      sentence: sentenceOf(ours.length, ours[0]?.age_ms ?? null, missing),
      total: ours.length,
      to_commit: having('commit'),
      to_roll_back: having('abort'),
      undecided: having('undecided'),
      unknown: having('unknown'),
      foreign: all.length - ours.length,
      oldest_age_ms: ours[0]?.age_ms ?? null,
      branches: ours.slice(0, mostBranches),
      missing_nodes: [...found.missingNodes],
      missing_resource_managers: [...found.missingManagers],
    };
  },
});

function sentenceOf(count: number, oldestMs: number | null, missing: readonly string[]): string {
  const silent = missing.length === 0 ? '' : `; ${missing.join(', ')} did not answer`;
  if (count === 0) return `No branch of a distributed transaction is prepared${silent}`;
  const oldest = oldestMs === null ? '' : `, the oldest for ${spell(oldestMs)}`;
  return `${count} ${count === 1 ? 'branch is' : 'branches are'} prepared${oldest}${silent}`;
}
