'use client';
/**
 * Whether an action's dialog is open. With a name the address's `do` opens it, so that the command palette, a runbook or a colleague's link leads right
 * to it; without one (an action of each row of a table) it is the component's own. Opening changes nothing: what runs is confirmed in the dialog.
 * Invariant: an open dialog closes only when somebody closes it or goes back. What it started may well make its own button senseless.
 */
import { useEffect, useState } from 'react';
import { useUrlState } from '../ui/url-state';

export function useDoor(door: string | undefined, reason: string | null): readonly [boolean, (open: boolean) => void] {
  const [own, setOwn] = useState(false);
  const [named, setNamed] = useUrlState('do', '');
  // A link to what the reader may not do, or what makes no sense now, shows the page with its greyed-out button.
  const called = door !== undefined && named === door && reason === null;
  const left = door !== undefined && named === '';
  useEffect(() => {
    if (called) setOwn(true);
    else if (left) setOwn(false);
  }, [called, left]);
  const setOpen = (open: boolean) => {
    setOwn(open);
    if (door !== undefined) setNamed(open ? door : '');
  };
  return [own || called, setOpen];
}
