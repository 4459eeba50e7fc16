/** Services while nodes are silent: a frozen node costs its patience, not its time-out; not knowing the services is never told as having none. */
import { expect, it } from 'vitest';
import type { EngineMethod, EngineParams, EngineResult } from '@/engine/runtime/engine-api';
import { RecordedEngine } from '@/server/testing/recorded-engine';
import type { ConsoleFacts, ProcedureContext } from '../context';
import { askForRouting, askForServices, askForStats, directConnectionString, findService } from './present';

const routerStatus = {
  host: '127.0.0.1',
  pid: 77,
  startedAt: '2026-01-01T00:00:00.000Z',
  services: [
    {
      service: 'alpha-rw',
      strategy: 'primary',
      openSessions: 7,
      held: 2,
      totalSessions: 9,
      refused: 1,
      next: { node: null, reason: 'node-1 is handing group alpha over to another node' },
      endpoints: [{ node: 'node-1', state: 'idle', reason: 'draining', sessions: 7, weight: 1, connectMs: null }],
    },
  ],
  clients: [],
};

/** Frozen nodes take a question and never answer; those that were started lately know no router. */
class PartlySilent extends RecordedEngine {
  frozen: readonly string[] = [];
  fresh: readonly string[] = [];
  heardRouter: string | null = null;

  override async node<M extends EngineMethod>(
    node: string,
    method: M,
    params: EngineParams<M>,
  ): Promise<EngineResult<M>> {
    if (this.frozen.includes(node)) return new Promise(() => undefined);
    if (method === 'router.get' && node === this.heardRouter) return routerStatus as unknown as EngineResult<M>;
    if (method === 'router.get') return null as EngineResult<M>;
    if (method === 'runtime.get' && this.fresh.includes(node)) return { router: null } as EngineResult<M>;
    return super.node(node, method, params);
  }
}

function consoleOver(engine: RecordedEngine): ProcedureContext {
  const facts = {} as ConsoleFacts;
  return { engine, facts } as unknown as ProcedureContext;
}

const nodes = ['node-1', 'node-2', 'node-3', 'node-4', 'node-5'];
const namesOf = (services: readonly { readonly service_name: string }[]) => services.map((one) => one.service_name);

it('asks the next node while one is frozen, and past those that know no router', async () => {
  const engine = new PartlySilent();
  engine.frozen = ['node-1', 'node-2'];
  engine.fresh = ['node-3', 'node-4'];
  engine.heardRouter = 'node-5';
  // The frozen ones never answer: only asking others meanwhile ends this call.
  const services = await askForServices(consoleOver(engine));
  expect(namesOf(services)).toEqual(['alpha-rw', 'alpha-ro']);
  expect(services.map((one) => one.open_sessions)).toEqual([7, null]);
});

it('does not know the services when nobody tells them, instead of knowing that there are none', async () => {
  const engine = new PartlySilent();
  const unknown = { code: 'UNAVAILABLE', details: { clusterCode: 'CLU_NODE_UNREACHABLE' } };
  engine.silentServers = nodes;
  await expect(askForServices(consoleOver(engine))).rejects.toMatchObject(unknown);
  await expect(findService(consoleOver(engine), 'alpha-rw')).rejects.toMatchObject(unknown);
  engine.silentServers = [];
  engine.fresh = nodes;
  await expect(askForServices(consoleOver(engine))).rejects.toMatchObject(unknown);
});

it('keeps what it heard, and says of a name it never heard that nobody knows it now', async () => {
  const engine = new PartlySilent();
  const context = consoleOver(engine);
  await askForServices(context);
  engine.silentServers = nodes;
  expect(namesOf(await askForServices(context))).toEqual(['alpha-rw', 'alpha-ro']);
  expect(await findService(context, 'alpha-rw')).toMatchObject({ port: 6401 });
  await expect(findService(context, 'gamma-rw')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  engine.silentServers = [];
  await expect(findService(context, 'gamma-rw')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  // A caller who may see other groups only hears nothing of these, also from memory.
  engine.silentServers = nodes;
  engine.change((view) => ({ groups: view.groups.filter((group) => group.record.name !== 'alpha') }));
  await expect(askForServices(context)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

it('counts what the router counted, and nothing while no router reports', async () => {
  const engine = new PartlySilent();
  const context = consoleOver(engine);
  const without = await askForStats(context);
  expect(without).toMatchObject({ router: null, total_services: 2, open_sessions: null, refused: null });
  expect(without.services.map((one) => one.total_sessions)).toEqual([null, null]);
  await expect(askForRouting(context, 'alpha-rw')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  engine.heardRouter = 'node-2';
  const stats = await askForStats(context);
  expect(stats).toMatchObject({ router: { pid: 77 }, open_sessions: 7, held: 2, total_sessions: 9, refused: 1 });
  expect(stats.services.map((one) => one.total_sessions)).toEqual([9, null]);
});

it('tells the decision that the router made, with who could have been chosen', async () => {
  const engine = new PartlySilent();
  engine.heardRouter = 'node-1';
  const decision = await askForRouting(consoleOver(engine), 'alpha-rw');
  expect(decision).toMatchObject({ node: null, held: 2, reason: 'node-1 is handing group alpha over to another node' });
  expect(decision.candidates).toMatchObject([{ node: 'node-1', role: 'primary', region: 'us-east', chosen: false }]);
  await expect(askForRouting(consoleOver(engine), 'no-such-service')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

it('names all members in one string, with the server that is wanted', async () => {
  const [service] = await askForServices(consoleOver(new RecordedEngine()));
  expect(service!.members.map(({ node }) => node)).toEqual(['node-1', 'node-2', 'node-3']);
  const hosts = service!.members.map(({ host, port }) => `${host}:${port}`).join(',');
  expect(service!.direct_connection_string).toBe(
    `postgresql://app@${hosts}/app?target_session_attrs=read-write&connect_timeout=3`,
  );
  const members = [
    { host: 'fd00::1', port: 5432 },
    { host: 'db', port: 5433 },
  ];
  expect(directConnectionString('ro', members, 'p/w')).toBe(
    'postgresql://app:p%2Fw@[fd00::1]:5432,db:5433/app?target_session_attrs=prefer-standby&connect_timeout=3',
  );
});
