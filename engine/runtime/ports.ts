/**
 * Ports of one installation: chosen free at first start, remembered in `<data>/ports.json`, kept on later starts (clients know them).
 * A remembered port that someone else took meanwhile is replaced, with a line that says so; only the console's port is never moved. A port that
 * a running process of this installation holds is in use rightly and stays.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { SerialQueue } from '../kernel/async';
import { messageOf } from '../kernel/errors';
import { newerFormat } from '../kernel/format-version';
import { replaceFile, systemFiles } from '../kernel/small-files';
import { StartError } from './data-directory';

export type PortBook = {
  /** The port named `key`, chosen now if it has none. */
  port(key: string): Promise<number>;
  readonly moved: readonly string[];
};

/** Null when `port` can be opened on `host`, else the code of the error. */
export async function portTrouble(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(null)));
  });
}

async function isPortFree(host: string, port: number): Promise<boolean> {
  return (await portTrouble(host, port)) === null;
}

/** Ephemeral ports are avoided: an outgoing connection may take one while its owner is down for a moment. */
const firstPort = 15_400;
const lastPort = 31_000;

/** @param isOurs whether a process of this installation that runs right now owns the port of that name. @throws StartError */
export async function openPortBook(
  dataDirectory: string,
  host: string,
  isOurs: (key: string) => boolean = () => false,
): Promise<PortBook> {
  const file = join(dataDirectory, 'ports.json');
  const known = existsSync(file) ? readBook(file) : {};
  const settled = new Set<string>();
  const moved: string[] = [];
  let next = firstPort + Math.floor((process.pid * 7919) % (lastPort - firstPort - 1000));

  async function choose(): Promise<number> {
    const taken = new Set(Object.values(known));
    for (let tries = 0; tries < lastPort - firstPort; tries++) {
      next = next >= lastPort ? firstPort : next + 1;
      if (!taken.has(next) && (await isPortFree(host, next))) return next;
    }
    throw new Error(`No free port between ${firstPort} and ${lastPort} on ${host}.`);
  }

  async function settle(key: string): Promise<number> {
    const remembered = known[key];
    if (remembered !== undefined && (settled.has(key) || (await isPortFree(host, remembered)) || isOurs(key))) {
      settled.add(key);
      return remembered;
    }
    if (remembered !== undefined) moved.push(`${key}: port ${remembered} is taken, moved`);
    known[key] = await choose();
    settled.add(key);
    replaceFile(systemFiles, file, JSON.stringify(known, null, 2));
    return known[key];
  }

  // One at a time: two callers must not find the same port free.
  const queue = new SerialQueue('port book');
  return { moved, port: (key) => queue.run(() => settle(key)) };
}

function readBook(file: string): Record<string, number> {
  try {
    const book: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const { format, ...rest } = (typeof book === 'object' && book !== null ? book : {}) as Record<string, unknown>;
    const newer = newerFormat(file, 'ports', format);
    if (newer !== null) throw new StartError(newer);
    const ports = typeof book === 'object' && book !== null && !Array.isArray(book) ? Object.values(rest) : [null];
    if (!ports.every((port) => Number.isInteger(port) && (port as number) > 0 && (port as number) <= 65_535))
      throw new Error('not a list of ports');
    return rest as Record<string, number>;
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(
      `${file} is damaged (${messageOf(error)}). Restore it from a backup, or delete it: new ports are then chosen, and clients must learn them from /api/v1/gds/services.`,
    );
  }
}
