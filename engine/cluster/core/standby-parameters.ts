/**
 * Five settings that a standby must not have lower than the primary whose WAL it replays. When a standby replays that the primary has more, PostgreSQL
 * stops its replay for ever ("insufficient parameter settings"): it can't be promoted, in `synchronous` every commit waits for it, and resuming the
 * replay ends the server. Only a restart with at least those values helps.
 *
 * Invariant: whoever asks compares what runs (`running`, of the server's life) with what is needed (`required`, from the control file, which learns it
 * when the change is replayed); what is configured says nothing about either.
 */

export const standbyParameterNames = [
  'max_connections',
  'max_worker_processes',
  'max_wal_senders',
  'max_prepared_transactions',
  'max_locks_per_transaction',
] as const;

export type StandbyParameter = (typeof standbyParameterNames)[number];
export type StandbyParameters = Readonly<Record<StandbyParameter, number>>;

/** As reported: `running` since the server started, `required` by the WAL that it has replayed. */
export type ParameterReport = { readonly running: StandbyParameters; readonly required: StandbyParameters };

export type Shortfall = { readonly name: StandbyParameter; readonly running: number; readonly required: number };

export function shortfallOf(
  running: StandbyParameters | null | undefined,
  required: StandbyParameters | null | undefined,
): readonly Shortfall[] {
  if (!running || !required) return [];
  return standbyParameterNames
    .filter((name) => running[name] < required[name])
    .map((name) => ({ name, running: running[name], required: required[name] }));
}

/** Of a standby by its own report; none: it may go on replaying. */
export function ownShortfall(parameters: ParameterReport | null | undefined): readonly Shortfall[] {
  return shortfallOf(parameters?.running, parameters?.required);
}

/** `max_connections is 200, 300 is needed`. */
export function shortfallSentence(shortfall: readonly Shortfall[]): string {
  return shortfall.map(({ name, running, required }) => `${name} is ${running}, ${required} is needed`).join('; ');
}

/** The higher of each: what a standby has to start with. */
export function higherOf(
  a: StandbyParameters | null | undefined,
  b: StandbyParameters | null | undefined,
): StandbyParameters | null {
  if (!a || !b) return a ?? b ?? null;
  const pairs = standbyParameterNames.map((name) => [name, Math.max(a[name], b[name])] as const);
  return Object.fromEntries(pairs) as StandbyParameters;
}
