/** What a check measured and what it wants, as people read it. Pure. */
import { formatBytes, sentence } from '../ui/format';

/** A rule's name as the head of its line. */
export function ruleName(rule: string): string {
  return sentence(rule)
    .replace(/\bpostgres(ql)?\b/i, 'PostgreSQL')
    .replace(/\bwal\b/i, 'WAL');
}

/** Counts of bytes get a unit that can be compared at a glance, and one of something is no plural. */
export function measureText(text: string): string {
  return text
    .replace(/\b(\d{4,}) bytes\b/g, (_, bytes: string) => formatBytes(Number(bytes)))
    .replace(/(^|[^\d.,])1 (voter|node|standby|session|slot|link|byte)s\b/g, '$11 $2');
}

/** A limit is a number; anything else is what is expected. Nothing is said where it is just what was measured. */
export function limitText(limit: string | null, measured: string | null): string | null {
  if (limit === null || limit === measured) return null;
  return `${/^[<>≤≥]?\s*\d/.test(limit) ? 'limit' : 'expected'} ${measureText(limit)}`;
}
