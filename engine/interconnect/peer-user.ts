/**
 * Whose process is at the other end of a connection over loopback: Linux tells the user of each socket. So a port that only this node's own processes
 * have business with needs no secret to know them.
 */
import { readFile } from 'node:fs/promises';

export type Ends = {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
};

/** As in /proc/net/tcp: bytes of the address in the order of memory, then the port. Null: no IPv4 address. */
function place(address: string | undefined, port: number | undefined): string | null {
  const plain = address?.replace(/^::ffff:/i, '');
  if (plain === undefined || port === undefined || !/^\d+\.\d+\.\d+\.\d+$/.test(plain)) return null;
  const bytes = plain.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return `${bytes.reverse().join('')}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
}

/** The user of the socket whose own end is `remote` and whose other end is `local`. Null: it can't be told. */
export function userInTable(table: string, ends: Ends): number | null {
  const theirs = place(ends.remoteAddress, ends.remotePort);
  const ours = place(ends.localAddress, ends.localPort);
  if (theirs === null || ours === null) return null;
  for (const line of table.split('\n')) {
    // sl local rem st tx:rx tr:when retrnsmt uid …
    const [, local = '', remote = '', , , , , uid] = line.trim().split(/\s+/);
    const mapped = (text: string) => text.replace(/^0000000000000000FFFF0000/, '');
    if (mapped(local) === theirs && mapped(remote) === ours) return uid === undefined ? null : Number(uid);
  }
  return null;
}

/** Null: another system, not over loopback, or gone already. */
export async function userOfPeer(ends: Ends): Promise<number | null> {
  if (process.platform !== 'linux') return null;
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const found = userInTable(await readFile(table, 'latin1').catch(() => ''), ends);
    if (found !== null) return found;
  }
  return null;
}
