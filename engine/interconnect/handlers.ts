/** Who answers what: the handlers of this process, and the rule that clients reach the engine's door and nothing behind it. */
import { ClusterError, isClusterError } from '../kernel/errors';
import type { MessageHandler, PeerIdentity, RequestHandler, StreamHandler } from './api';

/** Methods that consoles, routers and launchers may call; everything else is between nodes. */
export const clientMethodPrefix = 'engine.';

export class Handlers {
  readonly #requests = new Map<string, RequestHandler>();
  readonly #messages = new Map<string, MessageHandler>();
  readonly #streams = new Map<string, StreamHandler>();

  onRequest(method: string, handler: RequestHandler): void {
    this.#requests.set(checked(method), handler);
  }
  onMessage(method: string, handler: MessageHandler): void {
    this.#messages.set(checked(method), handler);
  }
  onStream(method: string, handler: StreamHandler): void {
    this.#streams.set(checked(method), handler);
  }

  /** @throws ClusterError FORBIDDEN, UNAVAILABLE */
  requestHandler(method: string, from: PeerIdentity): RequestHandler {
    return found(this.#requests.get(method), method, from);
  }
  messageHandler(method: string, from: PeerIdentity): MessageHandler {
    return found(this.#messages.get(method), method, from);
  }
  streamHandler(method: string, from: PeerIdentity): StreamHandler {
    return found(this.#streams.get(method), method, from);
  }
}

export function toClusterError(error: unknown): ClusterError {
  if (isClusterError(error)) return error;
  return new ClusterError('INTERNAL', error instanceof Error ? error.message : String(error));
}

/** An error table hides nothing from its own process: a broken invariant stops it, whoever asked. */
export function stopOnBrokenInvariant(error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'InvariantViolation') return;
  setImmediate(() => {
    throw error;
  });
}

function checked(method: string): string {
  if (!/^[\x21-\x7e]{1,200}$/.test(method)) throw new RangeError(`not a method name: ${JSON.stringify(method)}`);
  return method;
}

function found<H>(handler: H | undefined, method: string, from: PeerIdentity): H {
  if (from.kind !== 'node' && !method.startsWith(clientMethodPrefix)) {
    throw new ClusterError('FORBIDDEN', `${from.name} is no node and may not call ${method}`);
  }
  // Retryable: a process that is still starting registers its handlers one after the other.
  if (handler === undefined) throw new ClusterError('UNAVAILABLE', `${method} is not served here (yet)`);
  return handler;
}
