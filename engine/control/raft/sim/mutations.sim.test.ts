import { describe, expect, it } from 'vitest';
import { buildMutant, hunt } from './mutate';
import { mutations, notYetCaught } from './mutations';

/** Each is caught by the seed that it names; a change of the store shifts what a seed is, and then one of the next few does it. */
const runs = 15;

describe('mutations of the control store', () => {
  it.each(mutations)(
    '$name: a checker objects',
    async (mutation) => {
      const caught = await hunt(mutation, mutation.seed, runs);
      expect(caught).not.toBeNull();
    },
    300_000,
  );

  it.each(notYetCaught)('$name: still fits the source', async (mutation) => {
    await expect(buildMutant(mutation)).resolves.toBeTypeOf('function');
  });
});
