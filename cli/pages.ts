/** Every page of a list as one answer, in the list's order. At `mostPages` it gives up: a shell is no place for more. */
import type { AnyDefinition } from '@/server/procedures/definition';
import { CommandFailure, type Connection, noConsole, type Page } from './client';
import { exitCodes } from './exit-codes';

const mostPages = 10_000;

export async function readAll(
  connection: Connection,
  definition: AnyDefinition,
  read: (cursor: string | null) => Promise<Page>,
): Promise<unknown> {
  const { wrappedAs } = definition.rest!;
  const pages: unknown[][] = [];
  let last: Page = { answer: undefined, accepted: false, next: null };
  do {
    if (pages.length >= mostPages) throw new CommandFailure(`More than ${mostPages} pages`, exitCodes.unexpected);
    last = await read(last.next);
    const list =
      wrappedAs === undefined ? last.answer : (last.answer as Record<string, unknown> | undefined)?.[wrappedAs];
    if (!Array.isArray(list)) throw noConsole(connection, 'its answer is not the list that was asked for');
    pages.push(list);
  } while (last.next !== null);
  if (definition.pagesBackwards) pages.reverse();
  const all = pages.flat();
  return wrappedAs === undefined ? all : { ...(last.answer as object), [wrappedAs]: all };
}
