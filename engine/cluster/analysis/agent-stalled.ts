/** An agent's main thread was blocked for longer than supervision and lease can afford. */
import { isFresh } from '../../operations/core/snapshot';
import { finding, type GroupAnalyser } from './situation';

const loopBlockLimitMs = 20;

export const agentStalled: GroupAnalyser = (situation) =>
  situation.group.members
    .filter((member) => isFresh(member, situation.config.leaseMs) && member.report!.loopBlockMs > loopBlockLimitMs)
    .map((member) =>
      finding(situation, {
        rule: 'agent-stalled',
        severity: member.report!.loopBlockMs > situation.config.leaseMs / 4 ? 'warning' : 'info',
        node: member.record.id,
        sentence: `The agent of ${member.record.id} was blocked for ${Math.round(member.report!.loopBlockMs)} ms; limit ${loopBlockLimitMs} ms.`,
        remedy: 'See whether the host has processor time to spare.',
      }),
    );
