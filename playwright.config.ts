/** Browser tests against a real cluster (e2e/fixtures/cluster.ts starts one unless RUSTYDB_E2E_URL names one). One worker: there is one cluster. */
import { defineConfig } from '@playwright/test';
import { chromiumPath } from './e2e/fixtures/chromium';

const asRoot = process.getuid?.() === 0;

export default defineConfig({
  testDir: 'e2e/specs',
  globalSetup: './e2e/fixtures/cluster.ts',
  workers: 1,
  fullyParallel: false,
  retries: 0,
  forbidOnly: true,
  // Generous: five PostgreSQL servers, nine processes and a browser may share two busy cores. Nothing waits longer than it must.
  timeout: 180_000,
  expect: { timeout: 45_000 },
  reporter: [['list']],
  outputDir: 'test-results',
  use: {
    viewport: { width: 1280, height: 720 },
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: await chromiumPath(),
      args: asRoot ? ['--no-sandbox'] : [],
    },
  },
});
