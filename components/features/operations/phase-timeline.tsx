/** What an outage was made of: phases in milliseconds, to scale, with the numbers beside them. */
import type { Phase } from '../../providers/wire';
import { formatDuration, sentence } from '../../ui/format';

const fills = ['bg-accent', 'bg-busy', 'bg-warn', 'bg-ok', 'bg-idle'] as const;

export function PhaseTimeline({ phases }: { readonly phases: readonly Phase[] }) {
  if (phases.length === 0) return <p className="text-muted">No phases were recorded.</p>;
  const start = Math.min(...phases.map((phase) => Date.parse(phase.started_at)));
  const end = Math.max(...phases.map((phase) => Date.parse(phase.started_at) + phase.ms));
  const span = Math.max(1, end - start);
  return (
    <div>
      <table className="w-full">
        <caption className="sr-only">Phases with their length</caption>
        <tbody>
          {phases.map((phase, index) => (
            <tr key={`${phase.phase}-${phase.started_at}`}>
              <th scope="row" className="w-24 py-0.5 pr-3 text-left font-medium">
                {sentence(phase.phase)}
              </th>
              <td className="w-24 num py-0.5 pr-3 text-right">{formatDuration(phase.ms)}</td>
              <td className="py-0.5">
                <div className="relative h-3 rounded-sm bg-raised">
                  <div
                    className={`absolute inset-y-0 min-w-0.5 rounded-sm ${fills[index % fills.length]}`}
                    style={{
                      left: `${((Date.parse(phase.started_at) - start) / span) * 100}%`,
                      width: `${(phase.ms / span) * 100}%`,
                    }}
                  />
                </div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="mt-1 text-muted">
        From first to last: <span className="num text-fg">{formatDuration(span)}</span>
      </p>
    </div>
  );
}
