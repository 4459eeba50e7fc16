'use client';
/** One clock for all ages on a page: a single timer, running only while something shows an age. */
import { useSyncExternalStore } from 'react';

function createClock(periodMs: number) {
  const listeners = new Set<() => void>();
  let now = 0;
  let timer: ReturnType<typeof setInterval> | null = null;
  return {
    subscribe(listener: () => void) {
      listeners.add(listener);
      if (timer === null) {
        now = Date.now();
        timer = setInterval(() => {
          now = Date.now();
          for (const each of listeners) each();
        }, periodMs);
      }
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0 && timer !== null) {
          clearInterval(timer);
          timer = null;
        }
      };
    },
    read: () => {
      if (now === 0) now = Date.now();
      return now;
    },
  };
}

const slow = createClock(1000);
const fast = createClock(200);

const serverNow = () => 0;

/** Milliseconds since the epoch, ticking every second; 0 while rendering on the server. */
export function useNow(): number {
  return useSyncExternalStore(slow.subscribe, slow.read, serverNow);
}

/** Ticks five times a second: for running steps and the age of live data. */
export function useFastNow(): number {
  return useSyncExternalStore(fast.subscribe, fast.read, serverNow);
}
