import { describe, expect, it } from 'vitest';
import type { GroupRecord } from '../cluster/model';
import { cluster } from '../testing/cluster-fixture';
import { MemoryStore } from '../testing/memory-store';
import { releaseOwnLease } from './group-transaction';
import type { NodeContext } from './node-context';

const record: GroupRecord = { ...cluster().groups.get('alpha')!.record, primary: 'node-1', leaseReleased: false };

function scene() {
  const store = new MemoryStore();
  store.put('groups/alpha', record);
  const member = store.as('node-1');
  const context = { store: member, config: { nodeId: 'node-1', group: 'alpha' } } as unknown as NodeContext;
  return { store, member, context, written: () => store.value<GroupRecord>('groups/alpha') };
}

describe('releaseOwnLease', () => {
  it('writes once for a planned stop and the lease holder together, without reading first', async () => {
    const { store, member, context, written } = scene();
    let reads = 0;
    const get = member.get.bind(member);
    member.get = (key) => {
      reads++;
      return get(key);
    };
    await Promise.all([releaseOwnLease(context, record.epoch), releaseOwnLease(context, record.epoch)]);
    expect({ released: written().leaseReleased, writes: store.txns, reads }).toEqual({
      released: true,
      writes: 1,
      reads: 0,
    });
    await releaseOwnLease(context, record.epoch);
    expect(store.txns).toBe(1);
  });

  it('reads through the leader when its own replica is behind, and keeps what was written meanwhile', async () => {
    const { store, member, context, written } = scene();
    const old = member.localGet('groups/alpha');
    member.localGet = () => old;
    store.put('groups/alpha', { ...record, operation: 'op-1' });
    await releaseOwnLease(context, record.epoch);
    expect(written()).toMatchObject({ leaseReleased: true, operation: 'op-1' });
  });

  it('never writes over a successor', async () => {
    const { store, context, written } = scene();
    store.put('groups/alpha', { ...record, epoch: record.epoch + 1, primary: 'node-2' });
    await expect(releaseOwnLease(context, record.epoch)).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
    expect(written().leaseReleased).toBe(false);
  });
});
