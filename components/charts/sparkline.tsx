import { sparkPath } from './series';

const width = 88;
const height = 18;

/** A small trend beside a number; the number and the label carry the meaning. */
export function Sparkline({ values, label }: { readonly values: readonly (number | null)[]; readonly label: string }) {
  const path = sparkPath(values, width, height);
  return (
    <svg
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={label}
      className="shrink-0"
    >
      <title>{label}</title>
      <line x1="0" x2={width} y1={height - 0.5} y2={height - 0.5} stroke="var(--line)" />
      {path === '' ? null : <path d={path} fill="none" stroke="var(--accent)" strokeWidth="1.25" />}
    </svg>
  );
}
