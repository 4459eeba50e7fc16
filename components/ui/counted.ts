/** A count with its noun in the right number: `1 session`, `5 sessions`. The only place that decides which, so that no page says "1 sessions". Pure. */
import { formatNumber } from './format';

const rules = new Intl.PluralRules('en');

/** The word for that many; `many` is for what does not just take an s. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return rules.select(count) === 'one' ? one : many;
}

export function counted(count: number, one: string, many?: string): string {
  return `${formatNumber(count)} ${plural(count, one, many)}`;
}
