'use client';
/** A chart over time: axes with units, legend, and the same numbers as a table. Lines differ by dash as well as by colour. */
import { LineChart as LineIcon, Table2 } from 'lucide-react';
import { useState } from 'react';
import { CartesianGrid, Legend, Line, LineChart, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import { Button } from '../ui/button';
import { formatClock, zoneName } from '../ui/format';
import { axisClock, type Series, type SeriesRow, thinned } from './series';

const strokes = ['var(--accent)', 'var(--busy)', 'var(--warn)', 'var(--ok)', 'var(--bad)'] as const;
const dashes = ['0', '5 3', '2 2', '8 3 2 3', '1 3'] as const;

export function TimeSeries({
  title,
  series,
  rows,
  format,
  height = 150,
  domain,
  none = 'Nothing was measured in this time.',
}: {
  readonly title: string;
  readonly series: readonly Series[];
  readonly rows: readonly SeriesRow[];
  readonly format: (value: number) => string;
  readonly height?: number;
  readonly domain?: readonly [number, number];
  /** Why there may be samples without a value. */
  readonly none?: string;
}) {
  const [asTable, setAsTable] = useState(false);
  const hasValues = rows.some((row) => series.some((one) => typeof row[one.key] === 'number'));
  const spanMs = (rows.at(-1)?.at ?? 0) - (rows[0]?.at ?? 0);
  return (
    <figure className="min-w-0" aria-label={title}>
      <figcaption className="mb-1 flex items-center justify-between gap-2">
        <span className="font-medium">{title}</span>
        <Button
          variant="ghost"
          size="sm"
          aria-label={asTable ? `Show ${title} as a chart` : `Show ${title} as a table`}
          onClick={() => setAsTable(!asTable)}
        >
          {asTable ? <LineIcon aria-hidden /> : <Table2 aria-hidden />}
        </Button>
      </figcaption>
      {rows.length === 0 || !hasValues ? (
        <p className="grid place-items-center text-muted" style={{ height }}>
          {rows.length === 0 ? 'No samples yet; one arrives every 5 s.' : none}
        </p>
      ) : asTable ? (
        <SeriesTable series={series} rows={rows} format={format} height={height} />
      ) : (
        <ResponsiveContainer width="100%" height={height}>
          <LineChart data={thinned(rows, 240)} margin={{ top: 4, right: 8, bottom: 0, left: 0 }}>
            <CartesianGrid stroke="var(--line)" vertical={false} />
            <XAxis
              dataKey="at"
              type="number"
              scale="time"
              domain={['dataMin', 'dataMax']}
              tickFormatter={(at: number) => axisClock(at, spanMs)}
              stroke="var(--line-strong)"
              tick={{ fill: 'var(--muted)', fontSize: 11 }}
              minTickGap={48}
            />
            <YAxis
              width={74}
              // A unit on a second line would be cut at the top of the chart.
              tickFormatter={(value: number) => format(value).replaceAll(' ', '\u00a0')}
              stroke="var(--line-strong)"
              tick={{ fill: 'var(--muted)', fontSize: 11 }}
              domain={domain ? [...domain] : [0, 'auto']}
              allowDecimals={false}
              tickCount={3}
              interval={0}
            />
            <Tooltip
              isAnimationActive={false}
              labelFormatter={(at) => `${formatClock(new Date(Number(at)))} ${zoneName(new Date(Number(at)))}`}
              formatter={(value, name) => [format(Number(value)), name]}
              contentStyle={{
                background: 'var(--panel)',
                border: '1px solid var(--line)',
                borderRadius: 5,
                color: 'var(--fg)',
              }}
            />
            <Legend iconType="plainline" wrapperStyle={{ fontSize: 12, color: 'var(--fg)' }} />
            {series.map((one, index) => (
              <Line
                key={one.key}
                dataKey={one.key}
                name={one.label}
                stroke={strokes[index % strokes.length] ?? 'var(--fg)'}
                strokeDasharray={dashes[index % dashes.length] ?? '0'}
                strokeWidth={1.5}
                dot={false}
                isAnimationActive={false}
                connectNulls={false}
              />
            ))}
          </LineChart>
        </ResponsiveContainer>
      )}
    </figure>
  );
}

function SeriesTable({
  series,
  rows,
  format,
  height,
}: {
  readonly series: readonly Series[];
  readonly rows: readonly SeriesRow[];
  readonly format: (value: number) => string;
  readonly height: number;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard
    <section className="overflow-auto" style={{ height }} tabIndex={0} aria-label="Values">
      <table className="num w-full">
        <thead>
          <tr>
            <th scope="col" className="text-left">
              time, {zoneName(new Date())}
            </th>
            {series.map((one) => (
              <th key={one.key} scope="col" className="text-right">
                {one.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[...rows].reverse().map((row) => (
            <tr key={row.at}>
              <td>{formatClock(new Date(row.at))}</td>
              {series.map((one) => {
                const value = row[one.key];
                return (
                  <td key={one.key} className="text-right">
                    {typeof value === 'number' ? format(value) : '–'}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
