'use client';
import type { Preflight, Topology } from '../../providers/wire';
import { CopyButton } from '../../ui/code';
import { Panel } from '../../ui/panel';
import { StepList } from '../operations/step-list';
import { PreflightFigures } from './step-checks';
import { whoNotices } from './who-notices';

export function StepPlan({ preflight, topology }: { readonly preflight: Preflight; readonly topology: Topology }) {
  return (
    <div className="grid gap-3">
      <PreflightFigures preflight={preflight} />
      <div className="grid items-start gap-3 lg:grid-cols-[3fr_2fr]">
        <Panel title="Exactly these steps" note="with the time each may take">
          <StepList steps={preflight.plan.steps} planned />
        </Panel>
        <Panel title="Who notices what">
          <ul className="grid gap-2">
            {whoNotices(preflight, topology).map((line) => (
              <li key={line.who}>
                <span className="font-medium">{line.who}</span>
                <span className="block text-muted">{line.what}</span>
              </li>
            ))}
          </ul>
          <p className="mt-3 flex items-center text-muted">
            Plan <span className="num ml-1">{preflight.plan_hash.slice(0, 12)}</span>
            <CopyButton text={preflight.plan_hash} label="Copy the plan hash" />
          </p>
        </Panel>
      </div>
    </div>
  );
}
