'use client';
/**
 * Whether an action's dialog is open. With a name its state is the address's `do`, so that the command palette, a runbook or a colleague's link leads
 * right to it; without one (an action of each row of a table) it is the component's own. Opening changes nothing: what runs is confirmed in the dialog.
 */
import { useState } from 'react';
import { useUrlState } from '../ui/url-state';

export function useDoor(door: string | undefined, reason: string | null): readonly [boolean, (open: boolean) => void] {
  const [own, setOwn] = useState(false);
  const [named, setNamed] = useUrlState('do', '');
  if (door === undefined) return [own, setOwn];
  // A link to what the reader may not do, or what makes no sense now, shows the page with its greyed-out button.
  return [named === door && reason === null, (open) => setNamed(open ? door : '')];
}
