/**
 * Members on one host must never write the same files: replay of `CREATE TABLESPACE` on a standby makes a link to the very directory of its primary,
 * and each then writes its own state of the pages over the other's, which nothing reports. PostgreSQL lets nobody refuse the statement (event triggers
 * don't see tablespaces), so the link is seen: a standby that has one ends before it writes and is copied anew, with a directory of its own.
 * A look at links only, good for a server that is stopped as well.
 */
import { existsSync, type FSWatcher, readdirSync, realpathSync, statSync, watch } from 'node:fs';
import { basename, dirname, join } from 'node:path';

export type OutsideDirectory = {
  /** In the data directory: `pg_tblspc/16400`, `pg_wal`. */
  readonly link: string;
  /** Where it leads. */
  readonly path: string;
  /** Device and inode: the same directory, whatever it is called. */
  readonly identity: string;
};

export type SharedDirectory = {
  readonly link: string;
  readonly path: string;
  /** Another node of this host. */
  readonly node: string;
};

export type Neighbour = {
  readonly node: string;
  /** Its node directory, real path. */
  readonly directory: string;
  readonly outside: readonly OutsideDirectory[];
};

/** What leads into a directory that another node uses as well, or into that node's own. */
export function sharedWith(
  own: readonly OutsideDirectory[],
  neighbours: readonly Neighbour[],
): readonly SharedDirectory[] {
  return own.flatMap(({ link, path, identity }) =>
    neighbours
      .filter(
        ({ directory, outside }) =>
          `${path}/`.startsWith(`${directory}/`) || outside.some((theirs) => theirs.identity === identity),
      )
      .map(({ node }) => ({ link, path, node })),
  );
}

export function sharedSentence(shared: readonly SharedDirectory[]): string {
  const each = shared.map(({ link, path, node }) => `${link} leads to ${path}, which ${node} uses as well`);
  return `Two members of this host would write the same files: ${each.join('; ')}`;
}

/** Links are made in these places, by PostgreSQL or by hand. */
const linkPlaces = ['.', 'pg_tblspc', 'base'];

export function outsideDirectories(dataDirectory: string): readonly OutsideDirectory[] {
  return linkPlaces.flatMap((place) =>
    linksIn(join(dataDirectory, place)).flatMap((name) => {
      const path = realDirectory(join(dataDirectory, place, name));
      return path === null ? [] : [{ link: join(place, name), ...path }];
    }),
  );
}

function linksIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isSymbolicLink())
      .map((entry) => entry.name);
  } catch {
    return [];
  }
}

function realDirectory(link: string): { path: string; identity: string } | null {
  try {
    const found = statSync(link, { bigint: true });
    return found.isDirectory() ? { path: realpathSync(link), identity: `${found.dev}:${found.ino}` } : null;
  } catch {
    return null;
  }
}

/** Nodes of one host lie beside each other; what was set aside there (`node-6.removed-…`) has a dot in its name. */
export function sharedDirectories(dataDirectory: string): readonly SharedDirectory[] {
  const own = outsideDirectories(dataDirectory);
  if (own.length === 0) return [];
  const nodeDirectory = dirname(dataDirectory);
  return sharedWith(own, neighboursOf(nodeDirectory, basename(dataDirectory)));
}

function neighboursOf(nodeDirectory: string, data: string): readonly Neighbour[] {
  const all = dirname(nodeDirectory);
  try {
    return readdirSync(all)
      .filter((name) => name !== basename(nodeDirectory) && !name.includes('.') && existsSync(join(all, name, data)))
      .map((name) => {
        const directory = realpathSync(join(all, name));
        return { node: name, directory, outside: outsideDirectories(join(directory, data)) };
      });
  } catch {
    return [];
  }
}

/** The same in a sentence; null: none. */
export function sharedFiles(dataDirectory: string): string | null {
  const shared = sharedDirectories(dataDirectory);
  return shared.length === 0 ? null : sharedSentence(shared);
}

/** Tells at once when a link to a shared directory appears: a standby has replayed the creation of its primary's tablespace. */
export class SharedDirectoryWatch {
  #watcher: FSWatcher | null = null;

  constructor(
    private readonly dataDirectory: string,
    private readonly onShared: (shared: readonly SharedDirectory[]) => void,
  ) {}

  /** A clone replaces the directory, so at each start anew. Where the host can't watch, each look of the agent tells the same, later. */
  begin(): void {
    this.end();
    try {
      this.#watcher = watch(join(this.dataDirectory, 'pg_tblspc'), { persistent: false }, () => this.#look());
      this.#watcher.on('error', () => this.end());
    } catch {
      this.#watcher = null;
    }
    this.#look();
  }

  #look(): void {
    const shared = sharedDirectories(this.dataDirectory);
    if (shared.length > 0) this.onShared(shared);
  }

  end(): void {
    this.#watcher?.close();
    this.#watcher = null;
  }
}
