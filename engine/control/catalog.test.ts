/** Catalogs over a store in memory: what two writers, older and newer releases, damaged records and thieves of the stored text get. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { systemLoop } from '../kernel/loop';
import { MemoryStore } from '../testing/memory-store';
import { Catalog, type CatalogChange, defineCatalog, isSecret, type Secret } from './catalog';
import type { Json, Txn } from './store';

const noteSchema = z.object({ text: z.string(), at: z.string().optional(), by: z.string().optional() });
const noteDefinition = defineCatalog({
  name: 'note',
  prefix: 'notes/',
  schema: noteSchema,
  owner: 'by',
  retention: { maxEntries: 3, maxAgeMs: 1000, field: 'at' },
});
const hookDefinition = defineCatalog({
  name: 'hook',
  prefix: 'hooks/',
  schema: z.object({ url: z.string(), token: z.custom<Secret>(isSecret).nullish() }),
  secret: ['token'],
});
const clusterSecret = 'a secret of the cluster';

function rig() {
  const shared = new MemoryStore();
  const store = shared.as('node-1');
  const loop = { ...systemLoop, random: () => 0 };
  return {
    shared,
    store,
    notes: new Catalog(noteDefinition, store, { loop }),
    hooks: new Catalog(hookDefinition, store, { clusterSecret }),
  };
}

/** Somebody else changes the key right before each of the next transactions. */
function disturb(shared: MemoryStore, key: string, times: number): { readonly left: () => number } {
  const txn = shared.txn.bind(shared);
  let left = times;
  shared.txn = (asked: Txn) => {
    if (left-- > 0) shared.put(key, { text: `other ${left}` });
    return txn(asked);
  };
  return { left: () => left };
}

describe('records', () => {
  it('are made once, read, changed and removed', async () => {
    const { notes, shared } = rig();
    expect(await notes.get('a')).toBeNull();
    const made = await notes.create('a', { text: 'one' });
    expect(made).toEqual({ id: 'a', record: { text: 'one' }, revision: 1 });
    expect(shared.value('notes/a')).toEqual({ _format: 1, text: 'one' });
    await expect(notes.create('a', { text: 'two' })).rejects.toMatchObject({
      code: 'CONFLICT',
      message: 'There is a note a already',
    });
    const changed = await notes.change('a', (current) => ({ ...current!, text: 'two' }));
    expect(changed).toEqual({ id: 'a', record: { text: 'two' }, revision: 2 });
    expect(await notes.get('a')).toEqual(changed);
    expect([await notes.remove('a'), await notes.remove('a'), await notes.get('a')]).toEqual([true, false, null]);
  });

  it('are made and ended by a change too', async () => {
    const { notes, shared } = rig();
    expect(await notes.change('a', (current) => current)).toBeNull();
    expect(await notes.change('a', (current, revision) => ({ text: `${current} ${revision}` }))).toMatchObject({
      record: { text: 'null 0' },
    });
    expect(await notes.change('a', () => null)).toBeNull();
    expect(shared.entries.size).toBe(0);
  });

  it('are not written when nothing changed', async () => {
    const { notes, shared } = rig();
    await notes.create('a', { text: 'one' });
    expect(await notes.change('a', (current) => ({ ...current!, at: undefined }))).toMatchObject({ revision: 1 });
    expect(shared.revision).toBe(1);
  });

  it('keep what a newer release added to them', async () => {
    const { notes, shared } = rig();
    shared.put('notes/a', { text: 'one', at: 'now', colour: 'red' });
    const { record } = (await notes.get('a'))!;
    expect(record).toEqual({ text: 'one', at: 'now' });
    await notes.change('a', () => ({ text: 'two' }));
    expect(shared.value('notes/a')).toEqual({ _format: 1, text: 'two', colour: 'red' });
  });

  it('must fit the schema and the store', async () => {
    const { notes, shared } = rig();
    await expect(notes.create('a', { text: 7 } as never)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringMatching(/^note a: text: /),
    });
    await expect(notes.create('a', { text: 'x'.repeat(256 * 1024) })).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
      message: expect.stringContaining('(key notes/a), allowed is 262144 bytes'),
    });
    expect(shared.revision).toBe(0);
  });

  it.each(['', '..', '../users/admin', 'a/b', 'A'])('have no id %j', async (id) => {
    const { notes, shared } = rig();
    const calls = [
      () => notes.get(id),
      () => notes.create(id, { text: '' }),
      () => notes.change(id, () => ({ text: '' })),
      () => notes.remove(id),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(shared.revision).toBe(0);
  });
});

describe('two changes of one record', () => {
  it('both land', async () => {
    const { notes, store } = rig();
    const other = new Catalog({ ...noteDefinition, retention: {} }, store);
    await notes.create('a', { text: '' });
    const add = (catalog: typeof notes, letter: string) =>
      catalog.change('a', (current) => ({ text: current!.text + letter }));
    await Promise.all([add(notes, 'x'), add(other, 'y'), add(notes, 'z')]);
    expect([...(await notes.get('a'))!.record.text].sort()).toEqual(['x', 'y', 'z']);
  });

  it('are tried eight times, then refused', async () => {
    const { notes, shared } = rig();
    const enough = disturb(shared, 'notes/a', 7);
    const seen: (string | undefined)[] = [];
    await notes.change('a', (current) => {
      seen.push(current?.text);
      return { text: 'mine' };
    });
    expect(seen).toEqual([undefined, ...[6, 5, 4, 3, 2, 1, 0].map((left) => `other ${left}`)]);
    expect(shared.value('notes/a')).toEqual({ _format: 1, text: 'mine' });
    expect(enough.left()).toBe(-1);
    disturb(shared, 'notes/a', 8);
    await expect(notes.change('a', () => ({ text: 'mine again' }))).rejects.toMatchObject({
      code: 'CONFLICT',
      details: { clusterCode: 'CLU_REVISION_CONFLICT' },
    });
    expect(shared.value('notes/a')).toEqual({ text: 'other 0' });
  });

  it('may ask long for what comes next, and throw', async () => {
    const { notes } = rig();
    await notes.change('a', async () => ({ text: await Promise.resolve('later') }));
    await expect(
      notes.change('a', () => {
        throw new Error('no more');
      }),
    ).rejects.toThrow('no more');
    expect((await notes.get('a'))?.record.text).toBe('later');
  });
});

describe('a list', () => {
  it('comes in pages, in order of ids, and of one owner', async () => {
    const { notes } = rig();
    for (const id of ['b', 'd', 'a', 'c']) await notes.create(id, { text: id, by: id < 'c' ? 'maria' : 'jon' });
    const ids = async (asked?: Parameters<typeof notes.list>[0]) => {
      const { entries, next } = await notes.list(asked);
      return [entries.map((one) => one.id).join(''), next];
    };
    expect(await ids()).toEqual(['abcd', null]);
    expect(await ids({ limit: 3 })).toEqual(['abc', 'c']);
    expect(await ids({ limit: 3, after: 'c' })).toEqual(['d', null]);
    expect(await ids({ owner: 'jon', limit: 1 })).toEqual(['c', 'c']);
  });

  it('tells broken records and why, instead of failing', async () => {
    const { notes, shared } = rig();
    await notes.create('b', { text: 'fine' });
    shared.put('notes/a', { text: 7 });
    shared.put('notes/c', 'text');
    shared.put('notes/d', { _format: 2, text: 'from tomorrow' });
    shared.put('notes/e/f', { text: 'elsewhere' });
    const { entries, broken } = await notes.list();
    expect(entries.map((one) => one.id)).toEqual(['b']);
    expect(broken.map(({ id, reason }) => `${id}: ${reason}`)).toEqual([
      expect.stringMatching(/^a: notes\/a is no note: text: .*expected string/),
      'c: notes/c holds no record',
      expect.stringMatching(/^d: notes\/d has format 2; .*A newer release wrote it/),
      'e/f: notes/e/f has no id that a note can have',
    ]);
    expect((await notes.list({ owner: 'maria' })).broken).toEqual([]);
  });

  it('does not stand for a change: what is broken is not overwritten, but can be removed', async () => {
    const { notes, shared } = rig();
    shared.put('notes/d', { _format: 2, text: 'from tomorrow' });
    const newer = { code: 'INTERNAL', message: expect.stringContaining('which reads up to format 1') };
    await expect(notes.get('d')).rejects.toMatchObject(newer);
    await expect(notes.change('d', () => ({ text: 'mine' }))).rejects.toMatchObject(newer);
    await expect(notes.create('d', { text: 'mine' })).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(shared.value('notes/d')).toEqual({ _format: 2, text: 'from tomorrow' });
    expect(await notes.remove('d')).toBe(true);
  });
});

describe('an older record', () => {
  const second = defineCatalog({
    name: 'note',
    prefix: 'notes/',
    schema: z.object({ lines: z.array(z.string()) }),
    version: 2,
    migrate: ({ text, ...rest }) => ({ ...rest, lines: [text ?? ''] as Json[] }),
  });

  it('is read in the present format and stored in it by its next change', async () => {
    const { store, shared } = rig();
    const catalog = new Catalog(second, store);
    shared.put('notes/a', { text: 'one' });
    expect((await catalog.get('a'))?.record).toEqual({ lines: ['one'] });
    await catalog.change('a', (current) => current);
    expect(shared.value('notes/a')).toEqual({ text: 'one' });
    await catalog.change('a', (current) => ({ lines: [...current!.lines, 'two'] }));
    expect(shared.value('notes/a')).toEqual({ _format: 2, lines: ['one', 'two'] });
  });

  it('without a mark stays so where the definition says it', async () => {
    const { store, shared } = rig();
    const catalog = new Catalog({ ...noteDefinition, unmarked: true }, store);
    await catalog.create('a', { text: 'one' });
    expect(shared.value('notes/a')).toEqual({ text: 'one' });
  });
});

describe('a secret', () => {
  const stored = (shared: MemoryStore, id: string) => shared.value<{ token: { sealed: string } }>(`hooks/${id}`);

  it('is never in what is stored, read, listed or watched, but in what is revealed', async () => {
    const { hooks, shared } = rig();
    const told: unknown[] = [];
    hooks.watch((change) => told.push(change));
    told.push(await hooks.create('a', { url: 'http://a', token: { clear: 'open sesame' } }));
    told.push(await hooks.change('a', (current) => ({ ...current!, url: 'http://b' })));
    told.push(await hooks.get('a'), await hooks.list());
    const texts = [...shared.entries.values()].map((one) => JSON.stringify(one.value));
    const plain = [told, texts].map((one) => JSON.stringify(one)).join();
    expect(plain).not.toMatch(new RegExp(`sesame|${Buffer.from('open sesame').toString('base64url')}`));
    expect((await hooks.get('a'))?.record).toEqual({ url: 'http://b', token: { set: true } });
    expect(JSON.stringify(told)).not.toContain(stored(shared, 'a').token.sealed);
    expect(await hooks.reveal('a', 'token')).toBe('open sesame');
  });

  it('is set anew, kept and taken away', async () => {
    const { hooks, shared } = rig();
    await hooks.create('a', { url: '', token: { clear: 'one' } });
    const first = stored(shared, 'a').token.sealed;
    await hooks.change('a', (current) => ({ ...current!, token: { clear: 'one' } }));
    expect(stored(shared, 'a').token.sealed).not.toBe(first);
    await hooks.change('a', () => ({ url: '', token: null }));
    expect([await hooks.reveal('a', 'token'), (await hooks.get('a'))?.record.token]).toEqual([null, null]);
    await expect(hooks.change('a', () => ({ url: '', token: { set: true } }))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    });
    await expect(hooks.reveal('b', 'token')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('is refused when it was changed, moved, or comes from another cluster', async () => {
    const { hooks, shared, store } = rig();
    await hooks.create('a', { url: '', token: { clear: 'open sesame' } });
    const { sealed } = stored(shared, 'a').token;
    const refused = { code: 'INTERNAL', message: expect.stringContaining("can't be decrypted") };
    const bytes = Buffer.from(sealed, 'base64url');
    for (const at of bytes.keys()) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      shared.put('hooks/a', { url: '', token: { sealed: changed.toString('base64url') } });
      await expect(hooks.reveal('a', 'token')).rejects.toMatchObject(refused);
    }
    for (const short of ['', sealed.slice(0, 20), sealed.slice(0, -2)]) {
      shared.put('hooks/a', { url: '', token: { sealed: short } });
      await expect(hooks.reveal('a', 'token')).rejects.toMatchObject(refused);
    }
    shared.put('hooks/b', { url: '', token: { sealed } });
    await expect(hooks.reveal('b', 'token')).rejects.toMatchObject(refused);
    shared.put('hooks/a', { url: '', token: { sealed } });
    expect(await hooks.reveal('a', 'token')).toBe('open sesame');
    const stranger = new Catalog(hookDefinition, store, { clusterSecret: 'another secret' });
    await expect(stranger.reveal('a', 'token')).rejects.toMatchObject(refused);
  });

  it('that somebody stored in clear is not shown', async () => {
    const { hooks, shared } = rig();
    shared.put('hooks/a', { url: '', token: { clear: 'open sesame' } });
    const listed = await hooks.list();
    expect(listed.broken).toMatchObject([{ id: 'a', reason: 'hooks/a holds token unencrypted; set it again' }]);
    expect(JSON.stringify(listed)).not.toContain('sesame');
  });

  it('needs the secret of the cluster', () => {
    expect(() => new Catalog(hookDefinition, rig().store)).toThrow("which cluster's?");
  });
});

it('a watch tells what is stored, removed and broken', async () => {
  const { notes, shared } = rig();
  const seen: CatalogChange<z.infer<typeof noteSchema>>[] = [];
  const end = notes.watch((change) => seen.push(change))!;
  await notes.create('a', { text: 'one' });
  shared.put('notes/b', { text: 7 });
  await notes.remove('a');
  end();
  await notes.create('c', { text: 'unseen' });
  expect(seen).toMatchObject([
    { kind: 'stored', entry: { id: 'a', record: { text: 'one' }, revision: 1 } },
    { kind: 'broken', broken: { id: 'b', revision: 2 } },
    { kind: 'removed', id: 'a', revision: 3 },
  ]);
});

describe('pruning', () => {
  const at = (ms: number) => new Date(ms).toISOString();

  it('removes what is too old and what is too many, and nothing that is broken', async () => {
    const { notes, shared } = rig();
    for (const [id, ms] of Object.entries({ a: 5000, b: 4400, c: 4500, d: 4600, e: 4700, f: 3000 })) {
      await notes.create(id, { text: '', at: at(ms) });
    }
    shared.put('notes/broken', { text: 7, at: at(0) });
    expect(await notes.prune(5000)).toBe(3);
    expect([...shared.entries.keys()].sort()).toEqual(['notes/a', 'notes/broken', 'notes/d', 'notes/e']);
    expect(await notes.prune(5000)).toBe(0);
  });

  it('takes many in several transactions', async () => {
    const { notes, shared } = rig();
    for (let many = 0; many < 450; many++) shared.put(`notes/n${many}`, { text: '', at: at(0) });
    const before = shared.txns;
    expect([await notes.prune(5000), shared.txns - before, shared.entries.size]).toEqual([450, 3, 0]);
  });

  it('leaves what changes meanwhile', async () => {
    const { notes, shared } = rig();
    for (const id of ['a', 'b']) await notes.create(id, { text: '', at: at(0) });
    disturb(shared, 'notes/a', 1);
    expect(await notes.prune(5000)).toBe(1);
    expect([...shared.entries.keys()]).toEqual(['notes/a']);
  });

  it('keeps all where the definition says nothing', async () => {
    const { hooks } = rig();
    await hooks.create('a', { url: '' });
    expect(await hooks.prune(Number.MAX_SAFE_INTEGER)).toBe(0);
  });
});

it.each([
  [{ prefix: 'notes' }, 'is no prefix'],
  [{ version: 0 }, 'version 0'],
  [{ version: 2 }, 'nothing brings version 1 to 2'],
  [{ retention: { maxAgeMs: 5 } }, 'what tells the age?'],
])('a definition with %j is a mistake', (wrong, words) => {
  expect(() => defineCatalog({ name: 'note', prefix: 'notes/', schema: noteSchema, ...wrong })).toThrow(words);
});
