/** Several router processes behind the same ports: to clients and agents they are one. */
import { readdirSync, readFileSync } from 'node:fs';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeCluster } from './testing/fake-cluster';
import { password, RealPostgres } from './testing/real-postgres';
import { Agents, lastStatus, RouterProcess } from './testing/router-process';
import { eventually } from './testing/test-router';

const processes = 3;
let postgres: RealPostgres;
let cluster: FakeCluster;
let agents: Agents;
let router: RouterProcess;
const clients: pg.Client[] = [];

beforeAll(async () => {
  postgres = await RealPostgres.create('several');
});
afterAll(() => postgres?.remove());
beforeEach(async () => {
  cluster = new FakeCluster({ a: postgres, b: postgres });
  agents = await Agents.start(cluster);
  cluster.primary('a');
  cluster.standby('b');
  router = await RouterProcess.start(agents, { processes });
  await router.listening();
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end().catch(() => undefined)));
  await router?.stop();
  await agents?.stop();
});

async function session(): Promise<pg.Client> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port: router.ports.rw,
    user: 'app',
    password,
    database: 'postgres',
  });
  client.on('error', () => {});
  clients.push(client);
  await client.connect();
  return client;
}
const sessions = (count: number) => Promise.all(Array.from({ length: count }, session));

function workers(): readonly number[] {
  const children = readdirSync('/proc').filter((name) => {
    try {
      return (
        /^\d+$/.test(name) &&
        Number(readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1]!.split(' ')[1]) === router.child.pid
      );
    } catch {
      return false;
    }
  });
  return children.map(Number);
}
const isThere = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('several processes', () => {
  it('share the sessions, and report them as one router', async () => {
    expect(workers()).toHaveLength(processes);
    await sessions(6);
    await eventually('the agents know all six', () => {
      const status = lastStatus(cluster);
      const service = status?.services.find(({ kind }) => kind === 'rw');
      return status?.clients.length === 6 && service?.openSessions === 6 && service.endpoints[0]?.sessions === 6;
    });
    expect(lastStatus(cluster)?.pid).toBe(router.child.pid);
  });

  it('take a cancel to whichever of them has the session', async () => {
    const all = await sessions(6);
    const answers = all.map((client) =>
      client.query('select pg_sleep(60)').then(
        () => 'slept',
        (error: { code?: string }) => error.code,
      ),
    );
    for (const client of all) {
      const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
      const canceller = new pg.Client({ host: '127.0.0.1', port: router.ports.rw }) as unknown as {
        connection: {
          connect(port: number, host: string): void;
          cancel(processID: number, secretKey: number): void;
          once(event: string, listener: () => void): void;
          on(event: string, listener: () => void): void;
        };
      };
      const { connection } = canceller;
      const ended = new Promise<void>((resolve) => connection.once('end', resolve));
      connection.on('error', () => {});
      connection.once('connect', () => connection.cancel(processID, secretKey));
      connection.connect(router.ports.rw, '127.0.0.1');
      await ended;
    }
    expect(await Promise.all(answers)).toEqual(all.map(() => '57014'));
  });

  it('one that dies takes its own sessions along, and is started again', async () => {
    const all = await sessions(6);
    const before = workers();
    process.kill(before[1]!, 'SIGKILL');
    await eventually('another one runs', () => workers().length === processes && !workers().includes(before[1]!));
    const alive = await Promise.all(
      all.map((client) =>
        client.query('select 1').then(
          () => true,
          () => false,
        ),
      ),
    );
    // Turns go to whoever is ready to take one, so on a busy machine not everybody has two.
    const survivors = alive.filter((one) => one).length;
    expect(survivors).toBeGreaterThan(0);
    await sessions(3);
    await eventually('the status tells what is left', () => lastStatus(cluster)?.clients.length === survivors + 3);
  });

  it('end together, with a word to every client', async () => {
    const all = await sessions(6);
    const before = workers();
    const ended = all.map(
      (client) =>
        new Promise<string | undefined>((resolve) =>
          client.once('error', (error: { code?: string }) => resolve(error.code)),
        ),
    );
    router.child.kill('SIGTERM');
    expect(await Promise.all(ended)).toEqual(all.map(() => '57P01'));
    expect(await router.exited).toBe(0);
    expect(before.filter(isThere)).toEqual([]);
  });

  it('do not outlive the process that was started', async () => {
    const before = workers();
    router.child.kill('SIGKILL');
    await router.exited;
    await eventually('none is left', () => !before.some(isThere));
  });
});
