/** Agents of the group are of different releases: allowed for as long as anyone likes, and not to be forgotten. */
import { announcedRelease } from '../../kernel/release';
import { finding, type GroupAnalyser } from './situation';

export const mixedReleases: GroupAnalyser = (situation) => {
  const byRelease = new Map<string, string[]>();
  for (const { record, report } of situation.group.members) {
    if (report === null) continue;
    const release = announcedRelease(report);
    byRelease.set(release, [...(byRelease.get(release) ?? []), record.id]);
  }
  if (byRelease.size < 2) return [];
  const kinds = [...byRelease].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  return [
    finding(situation, {
      rule: 'mixed-releases',
      severity: 'info',
      sentence: `${situation.group.record.name} runs different releases: ${kinds.map(([release, nodes]) => `${release} on ${nodes.join(', ')}`).join('; ')}.`,
      remedy: 'Both work together. What only the newer one can do waits until npm run upgrade has replaced the rest.',
    }),
  ];
};
