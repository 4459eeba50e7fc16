// What coverage is measured on and what it must reach: the one place for both. Nothing is left out because it is hard to test.

/** Lines in percent; less fails `npm test`. */
export const leastLines = { engine: 80, server: 80 };

export const measured = Object.keys(leastLines).map((area) => `${area}/**/*.ts`);

/** Each with its reason. Files of nothing but types need no entry: they have no line that could run. */
export const excluded = {
  '**/*.test.ts': 'the tests themselves',
  '**/*.d.ts': 'types of a package that ships none',
  '**/testing/**':
    'rigs of the tests: fixtures, recorded engine, fuzzer, group simulator; no product code may import them',
  'engine/control/raft/sim/**': 'simulator of the control store',
};
