import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ClusterError } from '../kernel/errors';
import type { EngineParams } from '../runtime/engine-api';
import { EngineConnection } from './engine-connection';
import type { TcpInterconnect } from './tcp-interconnect';
import { eventually, Mesh, silent, testCluster, testSecret } from './testing/mesh';

let mesh: Mesh;
let agents: TcpInterconnect[];
let connection: EngineConnection;
const names = ['n1', 'n2', 'n3'];
const seeds = () => names.map((nodeId) => ({ nodeId, ...mesh.addresses.get(nodeId)! }));
const notLeader = (leader?: string) => {
  throw new ClusterError('UNAVAILABLE', 'not the leader', { clusterCode: 'CLU_NOT_LEADER', extra: { leader } });
};
const put: EngineParams<'config.put'> = {
  patch: {},
  requester: { by: 'test', reason: null, requestId: null, admin: true },
};

beforeEach(async () => {
  mesh = new Mesh();
  agents = [];
  for (const name of names) agents.push(await mesh.node(name));
  connection = new EngineConnection({
    kind: 'console',
    name: 'test',
    clusterId: testCluster,
    secret: testSecret,
    seeds: seeds(),
    logger: silent,
  });
  await connection.start();
});
afterEach(async () => {
  await connection.stop();
  await mesh.stop();
});
const allUp = () => eventually('all agents are connected', () => connection.connectedNodes().length === 3);

describe('many nodes', () => {
  it('keeps only the wanted ones connected, and dials another when it is asked', async () => {
    for (const [index, agent] of agents.entries()) agent.onRequest('engine.view.local', () => names[index]);
    await allUp();
    connection.setNodes(seeds(), new Set(['n1']));
    await eventually('the others are let go', () => connection.connectedNodes().length === 1);
    expect([...connection.nodes()].sort()).toEqual(names);
    expect(await connection.requestNode('n3', 'view.local', {}, 3000)).toBe('n3');
    // What was asked lately stays through the next look at the nodes.
    connection.setNodes(seeds(), new Set(['n1']));
    expect([...connection.connectedNodes()].sort()).toEqual(['n1', 'n3']);
    expect(await connection.requestNode('n3', 'view.local', {}, 3000)).toBe('n3');
  });
});

describe('requestLeader', () => {
  it('waits for the first connection, then goes on to the agent that answers and stays there', async () => {
    const asked: string[] = [];
    agents.forEach((agent, i) => {
      agent.onRequest('engine.view.get', () => {
        asked.push(names[i]!);
        return i === 2 ? 'the view' : notLeader();
      });
    });
    expect(await connection.requestLeader('view.get', {}, 3000)).toBe('the view');
    await allUp();
    asked.length = 0;
    expect(await connection.requestLeader('view.get', {}, 3000)).toBe('the view');
    expect(asked).toEqual(['n3']);
  });

  it('follows the hint of who leads, and an explicit preference', async () => {
    const asked: string[] = [];
    agents.forEach((agent, i) => {
      agent.onRequest('engine.config.put', () => {
        asked.push(names[i]!);
        return i === 2 ? 'done' : notLeader('n3');
      });
    });
    await allUp();
    connection.preferLeader('n2');
    expect(await connection.requestLeader('config.put', put, 3000)).toBe('done');
    expect(asked[0]).toBe('n2');
  });

  it('goes on through an election: all refuse at first', async () => {
    let refusals = 0;
    for (const agent of agents) agent.onRequest('engine.config.put', () => (refusals++ < 7 ? notLeader() : 'done'));
    await allUp();
    expect(await connection.requestLeader('config.put', put, 3000)).toBe('done');
    expect(refusals).toBe(8);
  });

  it('never repeats a write that may have been executed', async () => {
    let executed = 0;
    agents.forEach((agent, i) => {
      agent.onRequest('engine.config.put', () => {
        executed++;
        void agents[i]!.stop();
        return new Promise(() => undefined);
      });
    });
    await allUp();
    await expect(connection.requestLeader('config.put', put, 2000)).rejects.toMatchObject({
      code: 'TIMEOUT',
      details: { extra: { outcome: 'unknown' } },
    });
    expect(executed).toBe(1);
  });

  it('sends the next write elsewhere when an agent left one without an answer', async () => {
    await allUp();
    connection.preferLeader('n1');
    agents[0]!.onRequest('engine.config.put', () => new Promise(() => undefined));
    for (const agent of agents.slice(1)) agent.onRequest('engine.config.put', () => 'done');
    await expect(connection.requestLeader('config.put', put, 200)).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(await connection.requestLeader('config.put', put, 200)).toBe('done');
  });

  it('repeats a read when the agent goes away or does not answer', async () => {
    await allUp();
    connection.preferLeader('n1');
    agents[0]!.onRequest('engine.view.get', () => new Promise(() => undefined));
    agents[1]!.onRequest('engine.view.get', () => {
      void agents[1]!.stop();
      return new Promise(() => undefined);
    });
    agents[2]!.onRequest('engine.view.get', () => 'the view');
    expect(await connection.requestLeader('view.get', {}, 1000)).toBe('the view');
  });

  it('passes a refusal on at once', async () => {
    await allUp();
    let asked = 0;
    for (const agent of agents) {
      agent.onRequest('engine.view.get', () => {
        asked++;
        throw new ClusterError('FORBIDDEN', 'no');
      });
    }
    await expect(connection.requestLeader('view.get', {}, 1000)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(asked).toBe(1);
  });

  it('says that nobody is there', async () => {
    await mesh.stop();
    await expect(connection.requestLeader('view.get', {}, 200)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('requestNode', () => {
  it('reaches the one node, also right after start, and fails at once for one that is down', async () => {
    agents[1]!.onRequest('engine.raft.status', () => 'n2 here');
    expect(await connection.requestNode('n2', 'raft.status', {}, 2000)).toBe('n2 here');
    await allUp();
    await agents[1]!.stop();
    await eventually('the loss is noticed', () => connection.connectedNodes().length === 2);
    await expect(connection.requestNode('n9', 'raft.status', {}, 60_000)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      details: { clusterCode: 'CLU_NODE_UNREACHABLE' },
    });
  });

  it('follows the set of nodes', async () => {
    await allUp();
    connection.setNodes(seeds().slice(0, 1));
    expect(connection.nodes()).toEqual(['n1']);
    await eventually('the others are let go', () => connection.connectedNodes().length === 1);
  });
});

describe('openStream', () => {
  it('goes on at another node, with new parameters, and tells of the gap', async () => {
    const opened: unknown[] = [];
    agents.forEach((agent, i) => {
      agent.onStream('engine.event.stream', (params, _from, push) => {
        opened.push([names[i], params]);
        push({ kind: 'event', event: { eventId: `${opened.length}` } });
      });
    });
    await allUp();
    connection.preferLeader('n1');
    const items: string[] = [];
    const interruptions: boolean[] = [];
    const stream = connection.openStream(
      'event.stream',
      { after: null },
      {
        onItem: (item, from) => items.push(`${from}:${item.kind === 'event' ? item.event.eventId : 'gap'}`),
        onReopen: () => ({ after: '1' }),
        onInterrupted: (interrupted) => interruptions.push(interrupted),
      },
    );
    await eventually('the first item is there', () => items.length === 1);
    await agents[0]!.stop();
    await eventually('it goes on', () => items.length === 2 && interruptions.length === 2);
    expect(opened[0]).toEqual(['n1', { after: null }]);
    expect(opened[1]).toEqual([expect.stringMatching(/n[23]/), { after: '1' }]);
    expect(interruptions).toEqual([true, false]);
    stream.close();
  });

  it('finds the one node that serves it, whichever it is, and tells of one interruption', async () => {
    const asked: string[] = [];
    agents.forEach((agent, i) => {
      agent.onStream('engine.view.stream', (_params, _from, push) => {
        asked.push(names[i]!);
        if (i !== 2) notLeader();
        push('the view');
      });
    });
    await allUp();
    connection.preferLeader('n1');
    const items: unknown[] = [];
    const interruptions: boolean[] = [];
    connection.openStream(
      'view.stream',
      {},
      { onItem: (item) => items.push(item), onInterrupted: (interrupted) => interruptions.push(interrupted) },
    );
    await eventually('it is served', () => items.length === 1);
    expect(asked.filter((name) => name === 'n3')).toHaveLength(1);
    expect(asked.length).toBeLessThanOrEqual(3);
    expect(interruptions).toEqual([true, false]);
  });

  it('follows the hint of who leads', async () => {
    const asked: string[] = [];
    agents.forEach((agent, i) => {
      agent.onStream('engine.view.stream', (_params, _from, push) => {
        asked.push(names[i]!);
        if (i !== 2) notLeader('n3');
        push('the view');
      });
    });
    await allUp();
    connection.preferLeader('n1');
    const items: unknown[] = [];
    connection.openStream('view.stream', {}, { onItem: (item) => items.push(item) });
    await eventually('it is served', () => items.length === 1);
    expect(asked).toEqual(['n1', 'n3']);
  });

  it('asks ever more slowly while nobody serves it, and says so once', async () => {
    let asked = 0;
    for (const agent of agents) {
      agent.onStream('engine.view.stream', () => {
        asked++;
        notLeader();
      });
    }
    await allUp();
    const interruptions: boolean[] = [];
    const begun = performance.now();
    connection.openStream(
      'view.stream',
      {},
      { onItem: () => undefined, onInterrupted: (interrupted) => interruptions.push(interrupted) },
    );
    await eventually('three rounds', () => asked === 9);
    expect(performance.now() - begun).toBeGreaterThan(700);
    expect(interruptions).toEqual([true]);
  });

  it('goes elsewhere when the node ends it', async () => {
    const ends: ((error: ClusterError | null) => void)[] = [];
    agents.forEach((agent, i) => {
      agent.onStream('engine.view.stream', (_params, _from, push, _signal, end) => {
        ends.push(end);
        push(names[i]);
      });
    });
    await allUp();
    connection.preferLeader('n1');
    const items: unknown[] = [];
    connection.openStream('view.stream', {}, { onItem: (item) => items.push(item) });
    await eventually('the first serves it', () => items.length === 1);
    ends[0]!(new ClusterError('UNAVAILABLE', 'deposed', { clusterCode: 'CLU_NOT_LEADER', extra: { leader: 'n3' } }));
    await eventually('the one that was named serves it', () => items.length === 2);
    expect(items).toEqual(['n1', 'n3']);
  });

  it('bound to one node waits for it, without turning in circles', async () => {
    await allUp();
    const items: unknown[] = [];
    const address = mesh.addresses.get('n2')!;
    await agents[1]!.stop();
    await eventually('it is gone', () => connection.connectedNodes().length === 2);
    connection.openStream('route.stream', {}, { node: 'n2', onItem: (item) => items.push(item) });
    const before = process.cpuUsage();
    const back = await mesh.node('n2', { listen: address });
    back.onStream('engine.route.stream', (_params, _from, push) => void push('hint'));
    await eventually('it is served', () => items.length === 1);
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(900);
  });
});
