/**
 * Guardians whose agent ended before the installation stops (its disk is full, its control store is damaged): nobody tells them, and their PostgreSQL
 * would go on for a minute. Invariant: when the launcher says that everything is stopped, no process of a node is left that can be stopped.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../kernel/errors';
import type { Logger } from '../kernel/log';
import { GuardianLink, takeOverSocket } from '../postgres/guardian-link';
import { processesIn, waitUntilGone } from '../postgres/processes';
import { guardianSocketOf } from './node-places';

const stopMs = 20_000;
const goneMs = 5_000;

export type LeftPlace = { readonly nodeDirectory: string; readonly agentConfigFile: string };

/** Stops PostgreSQL in order, then lets the guardian go. */
export async function stopLeftGuardian(place: LeftPlace, logger: Logger): Promise<void> {
  if (processesIn(place.nodeDirectory).length > 0) {
    try {
      await stopThrough(place);
    } catch (error) {
      logger.warn({ directory: place.nodeDirectory, error: messageOf(error) }, 'a guardian could not be told to stop');
    }
  }
  const directories = [place.nodeDirectory, join(place.nodeDirectory, 'pgdata')];
  const gone = await Promise.all(directories.map((directory) => waitUntilGone(directory, goneMs)));
  if (gone.includes(false))
    logger.warn({ directory: place.nodeDirectory }, 'a guardian or its PostgreSQL still runs; it ends by itself');
}

async function stopThrough({ nodeDirectory, agentConfigFile }: LeftPlace): Promise<void> {
  const socketDirectory = socketDirectoryIn(agentConfigFile);
  const socket = guardianSocketOf(nodeDirectory, socketDirectory);
  const connect = () => GuardianLink.connect(socket, { onExit: () => undefined, onLost: () => undefined });
  let link = await connect();
  if (link === null && (await takeOverSocket(join(socketDirectory, 'guardian.sock'), socket))) link = await connect();
  if (link === null) return;
  try {
    await link.request({ kind: 'stop', mode: 'fast', timeoutMs: stopMs }, stopMs + 1_000);
  } finally {
    link.dismiss();
  }
}

function socketDirectoryIn(agentConfigFile: string): string {
  return (JSON.parse(readFileSync(agentConfigFile, 'utf8')) as { readonly socketDirectory: string }).socketDirectory;
}
