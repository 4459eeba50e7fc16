'use client';
/**
 * Every change that the console can ask for, as a value: `calls.users.update({ id, disabled })` sends nothing by itself. Components that offer a change
 * take such a value, send it when it is wanted and copy it as curl, GraphQL or CLI, so no change can be offered without both. Invariant: no other file
 * calls `.mutate` (components/providers/calls.test.ts).
 */
import { useMemo } from 'react';
import type { Call } from '../ui/call-forms';
import { useTRPCClient } from './trpc';

type Client = ReturnType<typeof useTRPCClient>;

// biome-ignore lint/suspicious/noExplicitAny: only to infer from whatever the procedure takes and gives
type Mutation = { mutate(input: any, ...rest: any[]): Promise<any> };

type CallOf<M> = M extends Mutation
  ? (input: Extract<Parameters<M['mutate']>[0], object>) => Call<Awaited<ReturnType<M['mutate']>>>
  : never;

export type Calls = {
  readonly [Area in keyof Client]: {
    readonly [Verb in keyof Client[Area] as Client[Area][Verb] extends Mutation ? Verb : never]: CallOf<
      Client[Area][Verb]
    >;
  };
};

type Loose = Readonly<Record<string, Readonly<Record<string, { mutate(input: unknown): Promise<unknown> }>>>>;

function callsOf(client: Loose): Calls {
  const area = (areaName: string) =>
    new Proxy(
      {},
      {
        get: (_target, verb: string) => (input: Call['input']) => ({
          procedure: `${areaName}.${verb}`,
          input,
          send: () => client[areaName]![verb]!.mutate(input),
        }),
      },
    );
  return new Proxy({}, { get: (_target, areaName: string) => area(areaName) }) as Calls;
}

export function useCalls(): Calls {
  const client = useTRPCClient();
  return useMemo(() => callsOf(client as unknown as Loose), [client]);
}
