/** How many connections the kernel has made that PostgreSQL has not taken yet: a postmaster that falls behind has them there, in no view of its own. */
import { readFileSync } from 'node:fs';

/** LISTEN, as /proc/net/tcp numbers states. */
const listening = '0A';

/** Of the rows of /proc/net/tcp and tcp6; a listening socket's receive queue counts connections. */
export function queuedIn(table: string, port: number): number {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  let queued = 0;
  for (const row of table.split('\n')) {
    const [, local = '', , state, queues = ''] = row.trim().split(/\s+/);
    if (state === listening && local.endsWith(`:${wanted}`))
      queued += Number.parseInt(queues.split(':')[1] ?? '0', 16) || 0;
  }
  return queued;
}

/** 0 where that can't be known. */
export function queuedConnections(port: number): number {
  const tables = ['tcp', 'tcp6'].map((name) => {
    try {
      return readFileSync(`/proc/net/${name}`, 'utf8');
    } catch {
      return '';
    }
  });
  return tables.reduce((sum, table) => sum + queuedIn(table, port), 0);
}
