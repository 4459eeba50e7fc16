import { defineConfig } from 'vitest/config';
import { excluded, measured } from './scripts/coverage-scope.mjs';

const unit = [
  'engine/**/*.test.ts',
  'server/**/*.test.ts',
  'components/**/*.test.ts',
  'cli/**/*.test.ts',
  'scripts/**/*.test.ts',
];
/** The simulators at length, and every deliberate mistake in them: minutes. */
const simulated = ['engine/**/*.sim.test.ts'];
/** Tests with real PostgreSQL servers or real processes. */
const real = ['**/*.pg.test.ts', '**/*.process.test.ts'];

export default defineConfig({
  resolve: { tsconfigPaths: true },
  test: {
    // Only where asked for: `npm test` does, with a directory of its own.
    coverage: {
      provider: 'v8',
      include: measured,
      exclude: Object.keys(excluded),
      reporter: ['json'],
      reportOnFailure: true,
    },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: unit,
          exclude: [...real, ...simulated, '**/node_modules/**'],
          // A few seconds each, and many times that on a busy machine.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Loading the product anew for every file takes longer than the tests do. What a file leaves behind in the process fails that file.
          isolate: false,
          setupFiles: ['engine/testing/shared-process.ts'],
          // Twice the cores of the smallest machine: many tests wait for timers.
          maxWorkers: 4,
        },
      },
      {
        extends: true,
        test: {
          name: 'simulated',
          include: simulated,
          exclude: ['**/node_modules/**'],
          testTimeout: 300_000,
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        test: {
          name: 'real',
          include: real,
          exclude: ['**/node_modules/**', '**/dist/**'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: true,
          maxWorkers: 2,
        },
      },
    ],
  },
});
