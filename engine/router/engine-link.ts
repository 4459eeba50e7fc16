/** AgentLink over the real connection. A hint stream ends with the node's connection; the watch opens it again once the node is back. */
import type { EngineConnection } from '../interconnect/engine-connection';
import type { AgentLink } from './agent-link';

export function engineLink(connection: EngineConnection): AgentLink {
  return {
    start: () => connection.start(),
    stop: () => connection.stop(),
    setNodes: (nodes) => connection.setNodes(nodes),
    connectedNodes: () => connection.connectedNodes(),
    requestNode: (node, method, params, timeoutMs) => connection.requestNode(node, method, params, timeoutMs),
    openRoutes: (node, onHint, onEnd) => {
      let ended = false;
      const end = () => {
        if (ended) return;
        ended = true;
        stream.close();
        onEnd();
      };
      const stream = connection.openStream(
        'route.stream',
        {},
        {
          node,
          onItem: onHint,
          // Not at once: the first interruption may be told before `stream` is there.
          onInterrupted: (interrupted) => {
            if (interrupted) queueMicrotask(end);
          },
        },
      );
      return {
        close: () => {
          ended = true;
          stream.close();
        },
      };
    },
  };
}
