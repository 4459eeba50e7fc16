'use client';
import Link from 'next/link';
import { blockers, CheckList } from '../../feedback/checks';
import type { Candidate, Preflight } from '../../providers/wire';
import { counted } from '../../ui/counted';
import { formatBytes, formatDuration } from '../../ui/format';
import { Figure, Panel } from '../../ui/panel';
import { Badge, toneIcon } from '../../ui/status';

/** Every rule, every candidate; none hidden. */
export function StepChecks({ preflight }: { readonly preflight: Preflight }) {
  const candidates = [...preflight.candidates].sort(
    (a, b) =>
      (a.rank ?? Number.POSITIVE_INFINITY) - (b.rank ?? Number.POSITIVE_INFINITY) || a.node.localeCompare(b.node),
  );
  return (
    <div className="grid gap-3">
      <PreflightFigures preflight={preflight} />
      <div className="grid items-start gap-3 lg:grid-cols-2">
        <Panel title="The group and the cluster" note={verdict(blockers(preflight.checks).length)}>
          <CheckList checks={preflight.checks} label="Checks of the group" />
        </Panel>
        {candidates.map((candidate) => (
          <CandidatePanel key={candidate.node} candidate={candidate} chosen={candidate.node === preflight.target} />
        ))}
      </div>
    </div>
  );
}

function verdict(count: number): string {
  return count === 0 ? 'nothing blocks' : counted(count, 'blocks', 'block');
}

function CandidatePanel({ candidate, chosen }: { readonly candidate: Candidate; readonly chosen: boolean }) {
  return (
    <Panel
      title={
        <span className="inline-flex items-center gap-2">
          <Link href={`/nodes/${candidate.node}`} className="hover:underline">
            {candidate.node}
          </Link>
          {candidate.eligible ? (
            <Badge tone="ok" icon={toneIcon.ok}>
              fit, rank {candidate.rank ?? '–'}
            </Badge>
          ) : (
            <Badge tone="bad" icon={toneIcon.bad}>
              not fit
            </Badge>
          )}
          {chosen ? <Badge tone="busy">would be promoted</Badge> : null}
        </span>
      }
      note={
        candidate.lag_bytes === null
          ? 'lag unknown'
          : candidate.lag_bytes === 0
            ? 'no lag'
            : `${formatBytes(candidate.lag_bytes)} behind`
      }
    >
      <CheckList checks={candidate.checks} label={`Checks of ${candidate.node}`} subject={candidate.node} />
    </Panel>
  );
}

export function PreflightFigures({ preflight }: { readonly preflight: Preflight }) {
  return (
    <Panel>
      <div className="grid grid-cols-2 gap-4 md:grid-cols-5">
        <Figure label="Mode" value={preflight.mode} note={`epoch ${preflight.epoch}`} />
        <Figure label="From" value={preflight.primary ?? 'nobody'} />
        <Figure label="To" value={preflight.target ?? 'nobody fit'} />
        <Figure
          label="Expected write pause"
          value={formatDuration(preflight.target === null ? null : preflight.expected_pause_ms)}
        />
        <Figure
          label="WAL at risk"
          value={formatBytes(preflight.target === null ? null : preflight.bytes_at_risk)}
          note={preflight.target !== null && preflight.bytes_at_risk === 0 ? 'no acknowledged write is lost' : null}
        />
      </div>
    </Panel>
  );
}
