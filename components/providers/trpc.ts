'use client';
/** The typed door to the server. Only types cross: nothing of the server is bundled into the page. */
import { createTRPCContext } from '@trpc/tanstack-react-query';
import type { AppRouter } from '@/server/surfaces/trpc/router';

export const { TRPCProvider, useTRPC, useTRPCClient } = createTRPCContext<AppRouter>();
