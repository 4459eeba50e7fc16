'use client';
/** Query client, tRPC and the connection: one of each per page load. Server state lives in this query client and nowhere else. */
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { failureOf } from '../feedback/failure';
import { RemedyContext } from '../feedback/remedy';
import { ConnectionContext, createConnection } from './connection';
import { remedyOf } from './password-proof';
import { TRPCProvider } from './trpc';

const retryable = new Set(['UNAVAILABLE', 'TIMEOUT', 'REQUEST_TIMEOUT']);

function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 2000,
        refetchOnWindowFocus: false,
        retry: (count, error) => count < 2 && retryable.has(failureOf(error).code),
        retryDelay: (attempt) => Math.min(300 * 2 ** attempt, 2000),
      },
      mutations: { retry: false },
    },
  });
}

export function ConsoleProviders({ children }: { readonly children: ReactNode }) {
  const [queryClient] = useState(createQueryClient);
  const [connection] = useState(createConnection);
  return (
    <QueryClientProvider client={queryClient}>
      <ConnectionContext.Provider value={connection}>
        <TRPCProvider trpcClient={connection.client} queryClient={queryClient}>
          <RemedyContext.Provider value={remedyOf}>{children}</RemedyContext.Provider>
        </TRPCProvider>
      </ConnectionContext.Provider>
    </QueryClientProvider>
  );
}
