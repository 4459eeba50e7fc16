/**
 * `npm run bench:page`: what the topology page costs a browser: Chromium with software rendering, a console over a recorded engine of N nodes, ten
 * changes a second. `--nodes 1000`, `--seconds 10` of panning, `--directory .` with the built pages. Usable: the map is drawn and answers a click.
 */
import { fork } from 'node:child_process';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Browser, chromium, type Page } from '@playwright/test';
import { chromiumPath } from '../e2e/fixtures/chromium';
import { machineFacts, machineLine, saveJson, say } from './measure/report';
import { percentile } from './measure/statistics';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '10' },
    directory: { type: 'string', default: '.' },
  },
});

type Started = { readonly url: string; readonly username: string; readonly password: string };

async function main(): Promise<void> {
  const machine = machineFacts();
  const server = fork(resolve('server', 'testing', 'recorded-pages.ts'), [values.nodes, resolve(values.directory)], {
    execArgv: ['--enable-source-maps', '--import', 'tsx'],
  });
  const browser = await chromium.launch({
    executablePath: await chromiumPath(),
    args: ['--disable-gpu', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
  });
  try {
    const started = await new Promise<Started>((done, fail) => {
      server.once('message', (message) => done(message as Started));
      server.once('exit', () => fail(new Error('the console did not start')));
    });
    const rows = [await measure(browser, started, ''), await measure(browser, started, '?expand=all')];
    console.log(`${machineLine(machine)}\n`);
    for (const row of rows) console.log(JSON.stringify(row));
    console.log(`\n${saveJson('page', { machine, rows })}`);
  } finally {
    await browser.close();
    server.kill('SIGKILL');
  }
}

async function measure(browser: Browser, { url, username, password }: Started, query: string) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 } });
  const page = await context.newPage();
  await page.goto(`${url}/sign-in`);
  await page.getByLabel('User name').fill(username);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL((address) => !address.pathname.startsWith('/sign-in'));
  const begun = performance.now();
  await page.goto(`${url}/topology${query}`, { waitUntil: 'commit' });
  await page.locator('.react-flow__node').first().waitFor();
  await page.getByRole('button', { name: 'Zoom In' }).click();
  const usableMs = performance.now() - begun;
  const received = await bytesPerSecond(page);
  if (query === '') await zoomUntil(page, 200);
  const drawn = await page.locator('[data-node]').count();
  const frames = await pan(page, Number(values.seconds));
  const row = {
    nodes: Number(values.nodes),
    query,
    drawn,
    usableMs: Math.round(usableMs),
    framesPerSecond: Math.round((frames.length / frames.reduce((sum, one) => sum + one, 0)) * 1000),
    frameP50Ms: Math.round(percentile(frames, 0.5) * 10) / 10,
    frameP95Ms: Math.round(percentile(frames, 0.95) * 10) / 10,
    frameMaxMs: Math.round(Math.max(...frames)),
    socketKBPerSecond: received,
  };
  say(JSON.stringify(row));
  await context.close();
  return row;
}

/** Zooms in as far as `count` nodes are still drawn each for itself. */
async function zoomUntil(page: Page, count: number): Promise<void> {
  const box = await page.getByTestId('topology').boundingBox();
  if (!box) throw new Error('no map');
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  for (let step = 0; step < 60; step++) {
    await page.mouse.wheel(0, -60);
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    const drawn = await page.locator('[data-node]').count();
    if (drawn >= count) return;
  }
  throw new Error(`never ${count} nodes drawn`);
}

/** What the live socket brings in two seconds. */
async function bytesPerSecond(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  let bytes = 0;
  session.on('Network.webSocketFrameReceived', ({ response }) => {
    bytes += response.payloadData.length;
  });
  await page.evaluate(() => new Promise((done) => setTimeout(done, 2_000)));
  await session.detach();
  return Math.round(bytes / 2_000);
}

/** Frame times while the map is dragged to and fro. */
async function pan(page: Page, seconds: number): Promise<readonly number[]> {
  const box = await page.getByTestId('topology').boundingBox();
  if (!box) throw new Error('no map');
  // As text: the loader's helper for names does not exist in the page.
  await page.evaluate(`(() => {
    const times = (window.frameTimes = []);
    let last = performance.now();
    requestAnimationFrame(function tick(now) {
      times.push(now - last);
      last = now;
      requestAnimationFrame(tick);
    });
  })()`);
  // Between the cards: dragging a card would begin a switchover.
  const start = { x: box.x + box.width / 2, y: box.y + 6 };
  await page.mouse.move(start.x, start.y);
  await page.mouse.down();
  const until = performance.now() + seconds * 1_000;
  for (let step = 0; performance.now() < until; step++) {
    await page.mouse.move(start.x + Math.sin(step / 10) * 300, start.y + Math.abs(Math.sin(step / 23)) * 200);
  }
  await page.mouse.up();
  return page.evaluate<number[]>('window.frameTimes.slice(1)');
}

await main();
process.exit();
