/**
 * Membership: who votes, who learns. Changed one member at a time, so that a majority of the old and a majority of the new voters always share
 * a member (Ongaro, Consensus: bridging theory and practice, §4.1, with the leader's own noop committed first).
 *
 * Replacing a life of a node is remove, then promote: swapping one voter for another in one entry would let two disjoint majorities form.
 */
import type { RaftConfiguration, RaftMember } from '../../store';
import { type ConfigurationChange, type MemberKey, memberKey, type RaftState, type Refusal } from './model';

export const noConfiguration: RaftConfiguration = { voters: [], learners: [] };

export function configurationOf(state: Pick<RaftState, 'configurations'>): RaftConfiguration {
  return state.configurations[state.configurations.length - 1]?.configuration ?? noConfiguration;
}

export function isVoter(configuration: RaftConfiguration, key: MemberKey): boolean {
  return configuration.voters.some((member) => memberKey(member) === key);
}

export function isMember(configuration: RaftConfiguration, key: MemberKey): boolean {
  return isVoter(configuration, key) || configuration.learners.some((member) => memberKey(member) === key);
}

export function membersOf(configuration: RaftConfiguration): readonly RaftMember[] {
  return [...configuration.voters, ...configuration.learners];
}

export type ChangeResult =
  | { readonly ok: true; readonly configuration: RaftConfiguration }
  | { readonly ok: false; readonly reason: Refusal };

const refuse = (reason: Refusal): ChangeResult => ({ ok: false, reason });

/** What `change` makes of `configuration`. `maxVoters` bounds the voters; learners are bounded by the number of nodes. */
export function applyChange(
  configuration: RaftConfiguration,
  change: ConfigurationChange,
  maxVoters: number,
): ChangeResult {
  const { voters, learners } = configuration;
  switch (change.kind) {
    case 'add-learner': {
      if (isMember(configuration, memberKey(change.member))) return refuse('already-member');
      // An older life of the same node can't come back as a learner: its directory is gone.
      const others = learners.filter((member) => member.id !== change.member.id);
      return { ok: true, configuration: { voters, learners: [...others, plain(change.member)] } };
    }
    case 'promote': {
      const learner = learners.find((member) => member.id === change.id);
      if (!learner)
        return refuse(voters.some((member) => member.id === change.id) ? 'already-member' : 'unknown-member');
      if (voters.some((member) => member.id === change.id)) return refuse('already-member');
      if (voters.length >= maxVoters) return refuse('too-many-voters');
      const rest = learners.filter((member) => member !== learner);
      return { ok: true, configuration: { voters: [...voters, learner], learners: rest } };
    }
    case 'remove': {
      const key = memberKey(change.member);
      if (!isMember(configuration, key)) return refuse('unknown-member');
      if (isVoter(configuration, key) && voters.length === 1) return refuse('last-voter');
      const keep = (member: RaftMember) => memberKey(member) !== key;
      return { ok: true, configuration: { voters: voters.filter(keep), learners: learners.filter(keep) } };
    }
  }
}

function plain(member: RaftMember): RaftMember {
  return { id: member.id, incarnation: member.incarnation };
}
