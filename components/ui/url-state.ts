'use client';
/** State that lives in the query string: every view of the console is an address. Replaces the entry, so Back leaves the page. */
import { usePathname, useSearchParams } from 'next/navigation';
import { useCallback } from 'react';

export function useUrlState(key: string, fallback: string): readonly [string, (value: string) => void] {
  const params = useSearchParams();
  const pathname = usePathname();
  const value = params.get(key) ?? fallback;
  const setValue = useCallback(
    (next: string) => {
      const changed = new URLSearchParams(window.location.search);
      if (next === fallback) changed.delete(key);
      else changed.set(key, next);
      const query = changed.toString();
      window.history.replaceState(null, '', query === '' ? pathname : `${pathname}?${query}`);
    },
    [key, fallback, pathname],
  );
  return [value, setValue];
}
