/** Commits wait when we say that they do: against a checkpointer and a walsender that do not get round to a reload. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { PgFixture, type TestNode } from '../testing/pg-fixture';
import { withFreshSession } from './connection';

let fixture: PgFixture;
beforeAll(async () => {
  fixture = await PgFixture.create();
});
afterEach(() => fixture.reset());
afterAll(() => fixture.close());

const until = <T>(what: string, probe: () => Promise<T | undefined> | T | undefined) =>
  pollUntil(probe, { timeoutMs: 15_000, intervalMs: 10, what });

function ask<T extends Record<string, unknown>>(node: TestNode, sql: string): Promise<T[]> {
  const { paths, port, passwords } = node.configuration;
  const endpoint = { socketDirectory: paths.socketDirectory, port, password: passwords.superuser, purpose: 'test' };
  return withFreshSession(endpoint, async (client) => (await client.query<T>(sql)).rows);
}

/** Stands for a checkpoint that syncs its files: the checkpointer takes no reload meanwhile. */
async function stopProcess(node: TestNode, sql: string): Promise<() => void> {
  const [row] = await ask<{ pid: number }>(node, sql);
  process.kill(row!.pid, 'SIGSTOP');
  return () => process.kill(row!.pid, 'SIGCONT');
}

const checkpointer = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'";

/** A commit of a client: whether it has been answered. */
async function commitOf(node: TestNode) {
  const client = await fixture.client(node);
  const commit = { answered: false };
  const done = client.query('CREATE TABLE acknowledged (n int)').then(
    () => {
      commit.answered = true;
    },
    () => undefined,
  );
  return { commit, done, end: () => client.end() };
}

async function waits(node: TestNode): Promise<void> {
  const { commit, done } = await commitOf(node);
  await until('the commit waits or is answered', async () =>
    commit.answered || (await node.server.report()).waitingCommits === 1 ? true : undefined,
  );
  expect(commit.answered).toBe(false);
  await node.server.killAll();
  await done;
}

describe('commits wait', () => {
  it('only once the checkpointer has passed: before that nothing is said to be in force', async () => {
    const one = await fixture.primary('flag-1');
    const resume = await stopProcess(one, checkpointer);
    await expect(one.server.setSynchronousStandbys(['ghost'], 1)).rejects.toMatchObject({ code: 'TIMEOUT' });
    await expect(one.server.setSynchronousStandbys(['ghost'], 1)).rejects.toThrow(/checkpointer/);
    resume();
    await until('the list is in force', async () =>
      one.server.setSynchronousStandbys(['ghost'], 1).then(
        () => true,
        () => undefined,
      ),
    );
    expect((await one.server.report()).synchronousStandbyNames).toBe('ANY 1 ("ghost")');
    await waits(one);
  });

  it('on a standby that is promoted while its checkpointer is busy, from its first commit on', async () => {
    const one = await fixture.primary('busy-1');
    const two = await fixture.standby('busy-2', one, { commitsWait: true });
    await stopProcess(two, checkpointer);
    await one.server.killAll();
    await two.server.stopReceiving(5000);
    await two.server.setRole('primary', 600_000);
    await two.server.setSynchronousStandbys(['ghost'], 1);
    // No checkpoint and no proof is waited for, or it would not return: the list was there when the server started.
    await two.server.promote(5000);
    await waits(two);
  });

  it('on a promoted standby that nobody gave a list, too', async () => {
    const one = await fixture.primary('alone-1');
    const two = await fixture.standby('alone-2', one, { commitsWait: true });
    await one.server.killAll();
    await ask(two, 'SELECT pg_promote()');
    await two.server.setRole('primary', 600_000);
    await waits(two);
  });

  it('when a standby got its list while it ran and is promoted by another agent: the proof comes after the promotion', async () => {
    const one = await fixture.primary('later-1');
    const two = await fixture.standby('later-2', one);
    expect((await two.server.report()).synchronousStandbyNames).toBe('');
    const resume = await stopProcess(two, checkpointer);
    await two.server.closeStandbyNames(true);
    const again = fixture.attach(two.configuration);
    await again.adopt();
    await one.server.killAll();
    await again.stopReceiving(5000);
    await again.setRole('primary', 600_000);
    await again.setSynchronousStandbys(['ghost'], 1);
    await expect(again.promote(5000)).rejects.toThrow(/checkpointer/);
    resume();
    await until('the list is in force', async () =>
      again.setSynchronousStandbys(['ghost'], 1).then(
        () => true,
        () => undefined,
      ),
    );
    await waits({ ...two, server: again });
  });

  it('for two acknowledgements only once no walsender counts to one any more', async () => {
    const one = await fixture.primary('count-1');
    await fixture.standby('count-2', one);
    await fixture.standby('count-3', one);
    await until('both stream', async () => {
      const { senders } = await one.server.report();
      return senders.filter((sender) => sender.state === 'streaming').length === 2 ? true : undefined;
    });
    await one.server.setSynchronousStandbys(['count-2', 'count-3'], 1);
    const resume = await stopProcess(one, "SELECT pid FROM pg_stat_replication WHERE application_name = 'count-2'");
    await expect(one.server.setSynchronousStandbys(['count-2', 'count-3'], 2)).rejects.toMatchObject({
      code: 'TIMEOUT',
    });
    resume();
    await until('the list is in force', async () =>
      one.server.setSynchronousStandbys(['count-2', 'count-3'], 2).then(
        () => true,
        () => undefined,
      ),
    );
    const { commit, done, end } = await commitOf(one);
    await done;
    expect(commit.answered).toBe(true);
    await end();
  });
});
