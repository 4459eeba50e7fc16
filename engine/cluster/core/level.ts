/**
 * When the cluster's level rises. Two writes: first `sealing` (every agent makes its directory refuse older releases, durably, and reports it), then
 * the level itself. Invariant: a level in force implies that every member's directory refuses what is older, so that nobody can go back to a release
 * that would misread what the level allows to be written. Pure.
 */
import { announcedLevel, announcedRelease, firstLevel, releaseOfLevel } from '../../kernel/release';
import type { LevelRecord } from '../model';

export type LevelMember = {
  /** Words for people: `node-3`, `console:…`. */
  readonly name: string;
  readonly release?: string;
  readonly level?: number;
  /** Nodes only: what their directory refuses to be started below of. Clients have none. */
  readonly sealed?: number;
  readonly kind: 'node' | 'client';
  /** Its agent reports. A node that is silent may be of any release. */
  readonly fresh: boolean;
};

export type LevelDecision =
  | { readonly kind: 'none'; readonly waitsFor: readonly string[] }
  | { readonly kind: 'seal' | 'raise'; readonly level: number };

export function inForce(record: LevelRecord | null): number {
  return record?.level ?? firstLevel;
}

export function decideLevel(record: LevelRecord | null, own: number, members: readonly LevelMember[]): LevelDecision {
  const current = inForce(record);
  if (current >= own) return { kind: 'none', waitsFor: [] };
  const next = current + 1;
  const waitsFor: string[] = [];
  if (record?.hold) waitsFor.push(`${record.hold.by} holds it`);
  for (const member of members) {
    if (!member.fresh) waitsFor.push(`${member.name} is silent`);
    else if (announcedLevel(member) < next) waitsFor.push(`${member.name} runs release ${announcedRelease(member)}`);
  }
  if (members.length === 0) waitsFor.push('no node is known');
  if (waitsFor.length > 0) return { kind: 'none', waitsFor };
  if (record?.sealing !== next) return { kind: 'seal', level: next };
  const unsealed = members.filter((member) => member.kind === 'node' && (member.sealed ?? firstLevel) < next);
  if (unsealed.length > 0) return { kind: 'none', waitsFor: unsealed.map(({ name }) => `${name} seals its directory`) };
  return { kind: 'raise', level: next };
}

export function recordAfter(
  record: LevelRecord | null,
  decision: Extract<LevelDecision, { level: number }>,
  by: { readonly release: string; readonly at: string },
): LevelRecord {
  const before: LevelRecord = record ?? {
    level: firstLevel,
    sealing: null,
    release: releaseOfLevel(firstLevel),
    at: by.at,
    hold: null,
  };
  if (decision.kind === 'seal') return { ...before, sealing: decision.level };
  return { ...before, level: decision.level, sealing: null, release: by.release, at: by.at };
}
