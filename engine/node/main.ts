/** Process entry of a node agent. Exit code 78: a restart won't help, the last line of the log is the sentence that says what to do. */
import { DiskFailure, DiskFull } from '../control/raft/log-storage';
import { isDiskFull, isDiskTrouble } from '../kernel/disk';
import { messageOf } from '../kernel/errors';
import { createLogger } from '../kernel/log';
import { startTraceExport } from '../monitoring/trace-export';
import { openNodeDirectory, openSocketDirectories } from '../runtime/node-places';
import { type AgentConfig, fatalExitCode, readProcessConfig } from '../runtime/process-config';
import { Agent } from './agent';

const config = readProcessConfig<AgentConfig>(process.argv[2]);
const logger = createLogger('agent', { node: config.nodeId });

/** What a disk did is read again at the next start, which also waits for room; anything else would only repeat itself. */
function fatal(error: unknown): never {
  const ofDisk = error instanceof DiskFailure || error instanceof DiskFull || isDiskFull(error) || isDiskTrouble(error);
  if (ofDisk) return crash(error);
  logger.fatal({ error: messageOf(error), stack: error instanceof Error ? error.stack : undefined }, 'this node stops');
  process.exit(fatalExitCode);
}

/** A bug must not leave a half-working node: the process ends, its guardian keeps PostgreSQL honest, the launcher starts it again. */
function crash(error: unknown): never {
  logger.fatal(
    { error: messageOf(error), stack: error instanceof Error ? error.stack : undefined },
    'unexpected error, the agent restarts',
  );
  process.exit(1);
}

process.on('uncaughtException', crash);
process.on('unhandledRejection', crash);

let agent: Agent;
try {
  // The launcher has done it, unless it is of an earlier release and started a program that was exchanged under it.
  openNodeDirectory(config.nodeDirectory, config.runAs);
  openSocketDirectories(config.nodeDirectory, config.socketDirectory, config.runAs);
  agent = new Agent(config, logger, fatal);
} catch (error) {
  fatal(error);
}

const traces = await startTraceExport({ process: 'agent', instance: config.nodeId, cluster: config.clusterId }, logger);

let stopping = false;
for (const name of ['SIGTERM', 'SIGINT'] as const) {
  process.on(name, () => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal: name }, 'stopping');
    // By SIGINT the launcher says that everything stops.
    const stopped = agent.stop(name === 'SIGINT').finally(() => traces.stop());
    stopped.then(
      () => process.exit(0),
      (error) => {
        logger.error({ error: messageOf(error) }, 'did not stop cleanly');
        process.exit(1);
      },
    );
  });
}

/** Another agent takes over at once (an upgrade): PostgreSQL and its guardian go on. Releases that don't know the signal end by it as well. */
process.on('SIGUSR2', () => {
  if (stopping) return;
  stopping = true;
  logger.info('leaves: the next agent takes PostgreSQL over');
  void agent.leave().finally(() => process.exit(0));
});

agent.start().catch((error: unknown) => {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'EADDRINUSE' || code === 'EADDRNOTAVAIL')
    return crash(
      new Error(`port ${config.agentPort} or ${config.walProxyPort} of this node can't be opened: ${messageOf(error)}`),
    );
  fatal(error);
});
