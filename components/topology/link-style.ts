/** How a link looks: thickness = throughput, dash speed = flow, band = lag, and where its line runs. Pure. */
import { formatBytes, formatMicros } from '../ui/format';
import { stateWord } from '../ui/state-words';
import type { MapLink, Rect } from './model';

export type LagBand = 'ok' | 'warn' | 'bad' | 'idle';

export const linkStroke = {
  ok: 'var(--ok)',
  warn: 'var(--warn)',
  bad: 'var(--bad)',
  idle: 'var(--line-strong)',
} as const satisfies Record<LagBand, string>;

/** Colour is never the only sign: the interconnect is dotted, what is broken is dashed. */
export function linkDash(kind: MapLink['kind'], band: LagBand, scale = 1): string | undefined {
  if (kind === 'interconnect') return `${2 * scale} ${5 * scale}`;
  return band === 'bad' ? `${3 * scale} ${6 * scale}` : undefined;
}

const lagWarnMs = 1000;
const lagBadMs = 10_000;
const lagWarnBytes = 16 * 1024 * 1024;
const lagBadBytes = 256 * 1024 * 1024;
const roundTripWarnUs = 20_000;
const roundTripBadUs = 200_000;

export function lagBand(link: MapLink): LagBand {
  if (link.kind === 'interconnect') {
    if (link.state !== 'connected') return 'bad';
    if (link.rttUs === null) return 'idle';
    return link.rttUs > roundTripBadUs ? 'bad' : link.rttUs > roundTripWarnUs ? 'warn' : 'ok';
  }
  if (link.state !== 'streaming' && link.state !== 'catchup') return 'bad';
  const ms = link.lagMs ?? 0;
  const bytes = link.lagBytes ?? 0;
  if (ms > lagBadMs || bytes > lagBadBytes) return 'bad';
  if (link.state === 'catchup' || ms > lagWarnMs || bytes > lagWarnBytes) return 'warn';
  return 'ok';
}

/** 1.25 px when nothing flows, one more for every tenfold above 1 kB/s, at most 6. */
export function thickness(bytesPerSecond: number | null): number {
  if (bytesPerSecond === null || bytesPerSecond < 1024) return 1.25;
  return Math.min(6, 1.25 + Math.log10(bytesPerSecond / 1024));
}

/** Seconds per dash period; null: nothing flows, so nothing moves. */
export function flowSeconds(bytesPerSecond: number | null): number | null {
  if (bytesPerSecond === null || bytesPerSecond < 1) return null;
  return Math.max(0.35, 3 - 0.45 * Math.log10(bytesPerSecond));
}

const modeWords: Readonly<Record<string, string>> = {
  sync: 'sync',
  quorum: 'quorum',
  async: 'async',
  potential: 'potential',
};

/** What a label has room for, in the map's pixels; a longer text is cut there (link-edge.tsx), so that it never reaches another one. */
export const labelSize = {
  replication: { width: 112, height: 30 },
  interconnect: { width: 62, height: 17 },
} as const satisfies Record<MapLink['kind'], { readonly width: number; readonly height: number }>;

/**
 * One text for each line of the label. The lag is in bytes only: they are the primary's own sample, its newest WAL less what it knows to be replayed;
 * the lag in time is measured by the standby at another instant and would disagree.
 */
export function replicationLabel(link: MapLink): readonly string[] {
  const mode = modeWords[link.mode ?? ''] ?? 'async';
  if (link.state !== 'streaming') return [mode, stateWord(link.state)];
  const lag =
    link.lagBytes === null ? 'lag unknown' : link.lagBytes === 0 ? 'no lag' : `${formatBytes(link.lagBytes)} behind`;
  return [mode, lag];
}

/** The slower direction of a pair: what an answer may take. Each direction is under the nodes' links. */
export function roundTripLabel(there: MapLink, back: MapLink | null): string {
  const ways = back === null ? [there] : [there, back];
  const cut = ways.filter((link) => link.state !== 'connected').length;
  if (cut > 0) return cut === ways.length ? 'cut' : 'one way';
  const known = ways.flatMap((link) => link.rttUs ?? []);
  return known.length === 0 ? '?' : formatMicros(Math.max(...known));
}

type Point = { readonly x: number; readonly y: number };

/** A quadratic curve. */
export type Line = { readonly path: string; readonly start: Point; readonly middle: Point; readonly end: Point };

const pairBend = 26;

/**
 * How far a line leaves the straight one. The two directions of an interconnect pair bend apart; a line to the next card but one goes round the card
 * between, or it would look as if that one passed the WAL on.
 */
export function bendOf(kind: MapLink['kind'], from: Rect, to: Rect): number {
  if (kind === 'interconnect') return pairBend;
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  if (dy === 0 && Math.abs(dx) > 2 * from.width) return Math.sign(dx) * (from.height / 2 + 16);
  if (dx === 0 && Math.abs(dy) > 2 * from.height) return -Math.sign(dy) * (from.width / 2 + 16);
  return 0;
}

/** A slight curve between the facing borders of two cards; the two directions of a pair bend apart. */
export function linkLine(from: Rect, to: Rect, bend = 0): Line {
  const a = centre(from);
  const b = centre(to);
  const start = borderPoint(from, b);
  const end = borderPoint(to, a);
  const length = Math.hypot(end.x - start.x, end.y - start.y) || 1;
  const normal = { x: -(end.y - start.y) / length, y: (end.x - start.x) / length };
  const middle = { x: (start.x + end.x) / 2 + normal.x * bend * 2, y: (start.y + end.y) / 2 + normal.y * bend * 2 };
  const path = `M${r(start.x)},${r(start.y)} Q${r(middle.x)},${r(middle.y)} ${r(end.x)},${r(end.y)}`;
  return { path, start, middle, end };
}

function centre(rect: Rect): Point {
  return { x: rect.x + rect.width / 2, y: rect.y + rect.height / 2 };
}

/** Where the line from the rectangle's centre towards `target` leaves it. */
export function borderPoint(rect: Rect, target: Point): Point {
  const c = centre(rect);
  const dx = target.x - c.x;
  const dy = target.y - c.y;
  if (dx === 0 && dy === 0) return c;
  const scale = Math.min(
    dx === 0 ? Number.POSITIVE_INFINITY : rect.width / 2 / Math.abs(dx),
    dy === 0 ? Number.POSITIVE_INFINITY : rect.height / 2 / Math.abs(dy),
  );
  return { x: c.x + dx * scale, y: c.y + dy * scale };
}

function r(value: number): string {
  return value.toFixed(1);
}
