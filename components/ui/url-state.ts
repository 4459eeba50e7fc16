'use client';
/**
 * State that lives in the query string: every view of the console is an address. Replaces the entry, so Back leaves the page. The router takes the
 * new address in its own time; until then the value on its way is shown, so that typing never loses a letter.
 */
import { usePathname, useSearchParams } from 'next/navigation';
import { useCallback, useEffect, useState } from 'react';

export function useUrlState(key: string, fallback: string): readonly [string, (value: string) => void] {
  const params = useSearchParams();
  const pathname = usePathname();
  const arrived = params.get(key) ?? fallback;
  const [underway, setUnderway] = useState<string | null>(null);
  useEffect(() => {
    if (underway === arrived) setUnderway(null);
  }, [underway, arrived]);
  const setValue = useCallback(
    (next: string) => {
      const changed = new URLSearchParams(window.location.search);
      if (next === fallback) changed.delete(key);
      else changed.set(key, next);
      const query = changed.toString();
      setUnderway(next);
      window.history.replaceState(null, '', query === '' ? pathname : `${pathname}?${query}`);
    },
    [key, fallback, pathname],
  );
  return [underway ?? arrived, setValue];
}
