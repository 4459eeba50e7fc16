'use client';
/**
 * One WebSocket carries everything once somebody is signed in; signing in and out go over HTTP, because they set a cookie. The socket is probed
 * every 2 s, so that a lost connection is known (and said) within 5 s.
 */
import {
  createTRPCClient,
  createWSClient,
  httpBatchLink,
  splitLink,
  type TRPCWebSocketClient,
  wsLink,
} from '@trpc/client';
import { createContext, useContext, useSyncExternalStore } from 'react';
import type { AppRouter } from '@/server/surfaces/trpc/router';

export type ConnectionState = 'connecting' | 'open' | 'lost';

const endpoint = '/api/trpc';
/** Procedures that set or read the session cookie, or are called by who has none yet. */
const overHttp = /^(auth\.|invitations\.accept$)/;

export type Connection = {
  readonly client: ReturnType<typeof createTRPCClient<AppRouter>>;
  readonly subscribe: (listener: () => void) => () => void;
  readonly state: () => ConnectionState;
};

export function createConnection(): Connection {
  const socket = createWSClient({
    url: () => `${window.location.protocol === 'https:' ? 'wss' : 'ws'}://${window.location.host}${endpoint}`,
    lazy: { enabled: true, closeMs: 60_000 },
    keepAlive: { enabled: true, intervalMs: 2000, pongTimeoutMs: 3000 },
    retryDelayMs: (attempt) => Math.min(250 * 2 ** attempt, 2000),
  });
  const client = createTRPCClient<AppRouter>({
    links: [
      splitLink({
        condition: (operation) => overHttp.test(operation.path),
        true: httpBatchLink({ url: endpoint }),
        false: wsLink({ client: socket }),
      }),
    ],
  });
  return { client, ...watchState(socket) };
}

/** `lost` only after it had been open or an attempt failed: the first moments of a page are not an outage. */
function watchState(socket: TRPCWebSocketClient): Pick<Connection, 'subscribe' | 'state'> {
  const listeners = new Set<() => void>();
  let state: ConnectionState = 'connecting';
  socket.connectionState.subscribe({
    next(change) {
      const next: ConnectionState =
        change.state === 'pending'
          ? 'open'
          : change.error === null && state === 'connecting'
            ? 'connecting'
            : change.state === 'idle'
              ? state
              : 'lost';
      if (next === state) return;
      state = next;
      for (const listener of listeners) listener();
    },
  });
  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    state: () => state,
  };
}

export const ConnectionContext = createContext<Connection | null>(null);

export function useConnectionState(): ConnectionState {
  const connection = useContext(ConnectionContext);
  if (connection === null) throw new Error('useConnectionState needs ConsoleProviders');
  return useSyncExternalStore(connection.subscribe, connection.state, () => 'connecting');
}
