/** How a command is seen from outside: one span in the trace of the operation that sent it, and one log line under the id of the request behind it. */
import type { AgentCommand, CommandOrigin, Fence } from '../cluster/commands';
import { messageOf } from '../kernel/errors';
import type { Logger } from '../kernel/log';
import type { Loop } from '../kernel/loop';
import { inSpan } from '../kernel/tracing';

/** Asked again and again while a step waits, or in every heartbeat of a fail-safe: no line each. */
const frequent: ReadonlySet<AgentCommand> = new Set(['agent.drain', 'agent.confirmEpoch']);

export function observedCommand(
  command: AgentCommand,
  params: unknown,
  {
    node,
    logger,
    loop,
    obey,
  }: {
    readonly node: string;
    readonly logger: Logger;
    readonly loop: Loop;
    readonly obey: () => Promise<unknown>;
  },
): Promise<unknown> {
  const { fence, origin } = params as { readonly fence?: Fence; readonly origin?: CommandOrigin };
  const begun = loop.now();
  const about = {
    command,
    operation: fence?.operation,
    step: fence?.step,
    attempt: fence?.attempt,
    requestId: origin?.requestId ?? undefined,
  };
  const attributes = {
    'rustydb.node': node,
    'rustydb.operation.id': fence?.operation,
    'rustydb.step': fence?.step,
    'rustydb.step.attempt': fence?.attempt,
    'rustydb.request_id': origin?.requestId ?? undefined,
  };
  const request = {
    name: command,
    kind: 'server',
    parent: origin?.traceparent ?? null,
    within: true,
    attributes,
  } as const;
  return inSpan(request, async () => {
    try {
      const result = await obey();
      logger[frequent.has(command) ? 'debug' : 'info']({ ...about, ms: since(loop, begun) }, 'obeyed a command');
      return result;
    } catch (error) {
      logger.warn({ ...about, ms: since(loop, begun), error: messageOf(error) }, 'a command failed');
      throw error;
    }
  });
}

function since(loop: Loop, begun: number): number {
  return Math.round((loop.now() - begun) * 10) / 10;
}
