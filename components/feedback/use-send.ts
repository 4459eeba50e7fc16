'use client';
/** Sends a call once, when somebody asked for it. Only for components that offer the same call to be copied (components/providers/calls.test.ts). */
import { useMutation } from '@tanstack/react-query';
import type { Call } from '../ui/call-forms';

export type SendOptions<T> = {
  /** Until it is over the sender counts as busy. */
  readonly onDone?: ((result: T) => unknown) | undefined;
  readonly onFailure?: ((error: unknown) => void) | undefined;
};

export function useSend<T>({ onDone, onFailure }: SendOptions<T>) {
  const { mutate, isPending, isSuccess, error } = useMutation<T, unknown, Call<T>>({
    mutationFn: (call) => call.send(),
    onSuccess: (result) => onDone?.(result),
    onError: (failure) => onFailure?.(failure),
  });
  return { send: (call: Call<T>) => mutate(call), busy: isPending, sent: isSuccess, error };
}
