/** A catalog of a console: over the engine client, the same as one of an agent over its own store. */
import { expect, it } from 'vitest';
import { z } from 'zod';
import { Catalog, defineCatalog } from '@/engine/control/catalog';
import { RecordedEngine } from '../testing/recorded-engine';
import { storeThrough } from './catalog-store';

const notes = defineCatalog({ name: 'note', prefix: 'notes/', schema: z.object({ text: z.string() }) });

it('keeps records in the control store through the leader, and changes them one after the other', async () => {
  const engine = new RecordedEngine();
  const [one, other] = [new Catalog(notes, storeThrough(engine)), new Catalog(notes, storeThrough(engine))];
  await one.create('a', { text: '' });
  await Promise.all([
    one.change('a', (note) => ({ text: `${note!.text}x` })),
    other.change('a', (note) => ({ text: `${note!.text}x` })),
  ]);
  expect(await other.list()).toMatchObject({ entries: [{ id: 'a', record: { text: 'xx' } }], broken: [], next: null });
  expect(one.watch(() => undefined)).toBeNull();
});
