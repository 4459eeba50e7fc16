/**
 * Members whose PostgreSQL is not of the primary's version. WAL is the same within a major version, so minor ones may differ for as long as an upgrade takes;
 * another major version can neither follow nor be followed, and an older minor may lack a mend for what the primary writes into its WAL.
 */
import { finding, type GroupAnalyser } from './situation';

export const postgresVersions: GroupAnalyser = (situation) => {
  const primary = situation.primary;
  const wanted = versionOf(primary?.report?.postgres.version);
  if (primary === null || wanted === null) return [];
  return situation.standbys.flatMap((member) => {
    const version = versionOf(member.report?.postgres.version);
    if (version === null || (version.major === wanted.major && version.minor >= wanted.minor)) return [];
    const { id } = member.record;
    const otherMajor = version.major !== wanted.major;
    const both = `PostgreSQL of ${id} is ${version.text}, that of the primary ${primary.record.id} is ${wanted.text}`;
    return [
      finding(situation, {
        rule: 'postgres-version',
        severity: otherMajor ? 'critical' : 'warning',
        node: id,
        sentence: otherMajor
          ? `${both}: another major version can’t follow it.`
          : `${both}: a standby should not be older than its primary.`,
        remedy: otherMajor
          ? `Install PostgreSQL ${wanted.major} on ${id} and restart it.`
          : `Install ${wanted.text} or newer on ${id} and restart it; of a new minor version the standbys get it first.`,
      }),
    ];
  });
};

/** `18.4`, also with what a packager wrote behind it. Null: not told. */
function versionOf(text: string | null | undefined): { major: number; minor: number; text: string } | null {
  const match = /^(\d+)\.(\d+)/.exec(text ?? '');
  return match ? { major: Number(match[1]), minor: Number(match[2]), text: match[0] } : null;
}
