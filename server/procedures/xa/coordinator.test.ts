/** Who is asked: the primary of the coordinator group, found by asking; what changes something is sent once, and again only when it was refused untouched. */
import { beforeEach, describe, expect, it } from 'vitest';
import { ClusterError } from '@/engine/kernel/errors';
import type { EngineMethod, EngineParams, EngineResult } from '@/engine/runtime/engine-api';
import type { Identity } from '@/server/auth/api';
import { RecordedEngine } from '@/server/testing/recorded-engine';
import type { ProcedureContext } from '../context';
import { askCoordinator, askCoordinatorWhere } from './coordinator';

/** Answers as the nodes of `coordinating` do; others name `group`. */
class Placed extends RecordedEngine {
  coordinating: readonly string[] = ['node-4'];
  group = 'beta';
  failing: ClusterError | null = null;

  override async node<M extends EngineMethod>(
    node: string,
    method: M,
    params: EngineParams<M>,
  ): Promise<EngineResult<M>> {
    const answer = await super.node(node, method, params);
    const { failing } = this;
    this.failing = null;
    if (failing) throw failing;
    if (this.coordinating.includes(node)) return answer;
    throw new ClusterError('CONFLICT', 'not the coordinator', { extra: { coordinator_group: this.group } });
  }

  get asked(): readonly string[] {
    return this.requests.map((one) => one.node);
  }

  primary(group: string, node: string | null): void {
    this.change(({ groups }) => ({
      groups: groups.map((one) =>
        one.record.name === group ? { ...one, record: { ...one.record, primary: node } } : one,
      ),
    }));
  }
}

let engine: Placed;
let context: ProcedureContext;
const admin: Identity = { kind: 'api-key', id: 'x', name: 'x', role: 'admin' };
const requester = { by: 'x', reason: null, requestId: 'r', admin: true, traceparent: null };

beforeEach(() => {
  engine = new Placed();
  context = {
    engine,
    identity: admin,
    facts: {},
    signal: new AbortController().signal,
  } as unknown as ProcedureContext;
});

const read = () => askCoordinator(context, 'xa.stats', {});
const change = () => askCoordinator(context, 'xa.forget', { xid: '1:order-4711:0', requester });

it('asks the first group, follows the one that is named, and knows it from then on', async () => {
  const found = await askCoordinatorWhere(context, 'xa.stats', {});
  expect(found).toMatchObject({ group: 'beta', node: 'node-4' });
  await read();
  expect(engine.asked).toEqual(['node-1', 'node-4', 'node-4']);
});

it('follows once only', async () => {
  engine.coordinating = [];
  engine.group = 'alpha';
  engine.primary('alpha', 'node-1');
  setTimeout(() => engine.primary('alpha', 'node-2'), 5);
  await expect(read()).rejects.toMatchObject({ code: 'CONFLICT' });
  expect(engine.asked).toEqual(['node-1', 'node-2']);
});

it('waits for the new primary of the same group, also with a change: it was refused untouched', async () => {
  engine.coordinating = ['node-2'];
  engine.group = 'alpha';
  setTimeout(() => engine.primary('alpha', 'node-2'), 5);
  await change();
  expect(engine.asked).toEqual(['node-1', 'node-2']);
});

it('waits while the group has no primary', async () => {
  engine.coordinating = ['node-3'];
  engine.primary('alpha', null);
  setTimeout(() => engine.primary('alpha', 'node-3'), 5);
  await read();
  expect(engine.asked).toEqual(['node-3']);
});

describe('when the node does not answer', () => {
  beforeEach(() => {
    engine.coordinating = ['node-1'];
    engine.failing = new ClusterError('TIMEOUT', 'no answer');
  });

  it('asks again what only reads', async () => {
    await read();
    expect(engine.asked).toEqual(['node-1', 'node-1']);
  });

  it('never sends a change twice', async () => {
    await expect(change()).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(engine.asked).toEqual(['node-1']);
  });
});

it('is not asked for a key of some groups', async () => {
  context = { ...context, identity: { ...admin, groups: ['beta'] } as Identity };
  await expect(read()).rejects.toMatchObject({ code: 'FORBIDDEN' });
  expect(engine.asked).toEqual([]);
});
