/** Majorities. `floor(n / 2) + 1` of the voters, nothing else, and an empty voter set never has one. */

export function quorumSize(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** The greatest value that a majority has reached, given one value per voter (−Infinity: unknown). */
export function reachedByMajority(values: readonly number[]): number {
  if (values.length === 0) return Number.NEGATIVE_INFINITY;
  const sorted = [...values].sort((a, b) => b - a);
  return sorted[quorumSize(values.length) - 1]!;
}

export type Tally = 'won' | 'lost' | 'open';

/** `answers`: one per voter; null: not answered. */
export function tally(answers: readonly (boolean | null)[]): Tally {
  const needed = quorumSize(answers.length);
  const yes = answers.filter((answer) => answer === true).length;
  const no = answers.filter((answer) => answer === false).length;
  if (answers.length > 0 && yes >= needed) return 'won';
  return answers.length - no < needed ? 'lost' : 'open';
}
