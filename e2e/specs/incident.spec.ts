import pg from 'pg';
import { expect, test } from '../fixtures/console';

type Group = { readonly name: string; readonly primary: string; readonly writable: boolean };

test('a primary is cut off while a client writes: the console tells it, the group fails over, nothing is lost', async ({
  adminPage,
  api,
}) => {
  const groupNow = async (): Promise<Group | undefined> => {
    const { groups } = (await (await api.get('/api/v1/cluster/topology')).json()) as { groups: readonly Group[] };
    return groups.find((one) => one.name === 'alpha');
  };
  const verdict = adminPage.getByTestId('verdict');
  await adminPage.goto('/');
  await expect(verdict).toContainText('Healthy', { timeout: 60_000 });
  const before = (await groupNow())!.primary;
  const { connection_string: address } = (await (
    await api.get('/api/v1/gds/services/alpha-rw/credentials')
  ).json()) as { connection_string: string };
  const writer = new Writer(address);
  await writer.begin();
  try {
    await adminPage.goto('/rehearsal');
    await adminPage.getByLabel('Node', { exact: true }).selectOption(before);
    await adminPage.getByLabel('Ends after (s)').fill('12');
    await adminPage.getByLabel(`Type ${before} to confirm`).fill(before);
    await adminPage.getByRole('button', { name: 'Inject the fault' }).click();
    await expect(adminPage.getByRole('region', { name: 'Faults' })).toContainText('Nothing passes');

    await adminPage.goto('/');
    const alpha = adminPage.locator('[data-group="alpha"]');
    await expect(alpha.getByRole('link', { name: before }).first()).toBeVisible();
    await expect.poll(async () => (await groupNow())?.primary, { timeout: 30_000 }).not.toBe(before);
    const after = (await groupNow())!.primary;
    await expect(alpha).toContainText(after);
    await expect(verdict).not.toContainText('Healthy');
    await expect(adminPage.getByRole('region', { name: 'Events' })).toContainText(before);

    await adminPage.goto('/failover');
    const incident = adminPage.locator('tbody tr', { hasText: 'automatic' }).first();
    await expect(incident).toContainText(before);
    await expect(incident).toContainText(after);
    await incident.focus();
    await adminPage.keyboard.press('Enter');
    await expect(adminPage.getByRole('button', { name: 'Copy for a ticket' })).toBeVisible();

    await adminPage.goto('/');
    await expect(verdict).toContainText('Healthy', { timeout: 90_000 });
  } finally {
    await writer.end();
  }
  expect(writer.afterFailover).toBeGreaterThan(0);
  expect(await writer.missing()).toEqual([]);
});

/** One client as an application has it: a row at a time, a new connection when the old one is gone; knows what was acknowledged. */
class Writer {
  readonly #acknowledged: number[] = [];
  #interrupted = 0;
  #ended = false;
  #running: Promise<void> = Promise.resolve();
  afterFailover = 0;

  constructor(private readonly address: string) {}

  async begin(): Promise<void> {
    await this.#with((client) =>
      client.query('DROP TABLE IF EXISTS incident; CREATE TABLE incident (n int PRIMARY KEY)'),
    );
    this.#running = this.#write();
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#running;
  }

  /** Acknowledged rows that the group no longer has. */
  async missing(): Promise<readonly number[]> {
    const { rows } = await this.#with((client) => client.query<{ n: number }>('SELECT n FROM incident'));
    const there = new Set(rows.map((row) => row.n));
    return this.#acknowledged.filter((n) => !there.has(n));
  }

  async #write(): Promise<void> {
    let n = 0;
    while (!this.#ended) {
      await this.#with(async (client) => {
        while (!this.#ended) {
          await client.query('INSERT INTO incident VALUES ($1)', [++n]);
          this.#acknowledged.push(n);
          if (this.#interrupted > 0) this.afterFailover++;
        }
      }).catch(() => {
        this.#interrupted++;
      });
    }
  }

  async #with<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client({ connectionString: this.address, connectionTimeoutMillis: 20_000 });
    // The connection of a primary that is cut off ends under us: the query in flight says so.
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}
