/** How numbers, sizes and times read. One place, pure, so that the same value never reads differently on two pages. */

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Powers of 1024 with PostgreSQL's unit names. */
export function formatBytes(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined || !Number.isFinite(bytes)) return '–';
  let value = Math.abs(bytes);
  let unit = 0;
  while (value >= 1024 && unit < byteUnits.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${bytes < 0 ? '-' : ''}${trimZeros(value.toFixed(digits))} ${byteUnits[unit]}`;
}

export function formatRate(bytesPerSecond: number | null | undefined): string {
  if (bytesPerSecond === null || bytesPerSecond === undefined) return '–';
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** Two significant parts at most: `412 ms`, `4.1 s`, `3 min 4 s`, `2 h 5 min`, `3 d 4 h`. */
export function formatDuration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return '–';
  if (ms < 0) return `-${formatDuration(-ms)}`;
  if (ms > 0 && ms < 1) return `${Math.round(ms * 1000)} µs`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 10) return `${trimZeros(seconds.toFixed(2))} s`;
  if (seconds < 59.95) return `${trimZeros(seconds.toFixed(1))} s`;
  return twoParts(Math.round(seconds));
}

function twoParts(totalSeconds: number): string {
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(totalSeconds / 86_400), 'd'],
    [Math.floor(totalSeconds / 3600) % 24, 'h'],
    [Math.floor(totalSeconds / 60) % 60, 'min'],
    [totalSeconds % 60, 's'],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(' ');
}

export function formatMicros(us: number | null | undefined): string {
  if (us === null || us === undefined) return '–';
  if (us < 1000) return `${Math.round(us)} µs`;
  // A round trip of 1.6 ms is not one of 2.
  return us < 9950 ? `${(us / 1000).toFixed(1)} ms` : formatDuration(us / 1000);
}

export function formatNumber(value: number | null | undefined, digits = 0): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  return value.toLocaleString('en-US', { maximumFractionDigits: digits, minimumFractionDigits: 0 });
}

export function formatPercent(value: number | null | undefined, digits = 0): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  return `${value.toFixed(digits)} %`;
}

/** Wire times are Unix seconds (RustyDB's fields) or ISO 8601 (ours). */
export function toDate(value: number | string | Date | null | undefined): Date | null {
  if (value === null || value === undefined || value === '') return null;
  const date = value instanceof Date ? value : new Date(typeof value === 'number' ? value * 1000 : value);
  return Number.isNaN(date.getTime()) ? null : date;
}

export function formatRelative(value: number | string | Date | null | undefined, nowMs: number): string {
  const date = toDate(value);
  if (date === null) return 'never';
  const delta = nowMs - date.getTime();
  const size = Math.abs(delta);
  if (size < 1500) return 'now';
  const words = size < 60_000 ? `${Math.round(size / 1000)} s` : firstPart(Math.round(size / 1000));
  return delta >= 0 ? `${words} ago` : `in ${words}`;
}

function firstPart(totalSeconds: number): string {
  if (totalSeconds < 3600) return `${Math.floor(totalSeconds / 60)} min`;
  if (totalSeconds < 86_400) return `${Math.floor(totalSeconds / 3600)} h`;
  return `${Math.floor(totalSeconds / 86_400)} d`;
}

/** `2026-11-22 20:42:00.123 UTC`. */
export function formatUtc(value: number | string | Date | null | undefined): string {
  const date = toDate(value);
  return date === null ? 'never' : `${date.toISOString().replace('T', ' ').replace('Z', '')} UTC`;
}

/** Wall-clock time in the viewer's own zone, named. */
export function formatLocal(value: number | string | Date | null | undefined, timeZone?: string): string {
  const date = toDate(value);
  if (date === null) return 'never';
  const options: Intl.DateTimeFormatOptions = {
    dateStyle: 'medium',
    timeStyle: 'medium',
    ...(timeZone === undefined ? {} : { timeZone }),
  };
  const zone = timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  return `${new Intl.DateTimeFormat('en-GB', options).format(date)} ${zone}`;
}

/** The viewer's zone at that time, short: `UTC`, `GMT+2`. */
export function zoneName(date: Date, timeZone?: string): string {
  const options: Intl.DateTimeFormatOptions = {
    timeZoneName: 'short',
    ...(timeZone === undefined ? {} : { timeZone }),
  };
  const parts = new Intl.DateTimeFormat('en-GB', options).formatToParts(date);
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? '';
}

/** `20:42:00` for axes and streams. */
export function formatClock(value: number | string | Date | null | undefined): string {
  const date = toDate(value);
  return date === null ? '–' : date.toLocaleTimeString('en-GB', { hour12: false });
}

/** snake_case and kebab-case identifiers as words. */
export function words(identifier: string): string {
  return identifier.replace(/[_-]+/g, ' ');
}

export function sentence(identifier: string): string {
  const text = words(identifier);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
