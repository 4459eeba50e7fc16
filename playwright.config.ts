/** Browser tests against a real cluster (e2e/fixtures/cluster.ts starts one unless RUSTYDB_E2E_URL names one). One worker: there is one cluster. */
import { existsSync } from 'node:fs';
import { defineConfig } from '@playwright/test';

const debianBrowsers = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium'];

/** CHROMIUM, else Debian's, else the one that npm ships. */
async function chromiumPath(): Promise<string> {
  const wanted = process.env.CHROMIUM;
  if (wanted) return wanted;
  const found = debianBrowsers.find((path) => existsSync(path));
  if (found) return found;
  // Makes it unpack its own NSS libraries, which a bare machine lacks.
  process.env.AWS_LAMBDA_JS_RUNTIME ??= 'nodejs20.x';
  const { default: chromium } = await import('@sparticuz/chromium');
  return chromium.executablePath();
}

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
