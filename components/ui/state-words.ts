/** States as people say them. The state itself, as the API tells it, is the tooltip of whoever shows one (components/ui/status.tsx). Pure. */
import { words } from './format';

const plain: Readonly<Record<string, string>> = {
  // Operations and their steps.
  compensated: 'undone',
  pending: 'waiting',
  planned: 'planned only',
  // Replication.
  catchup: 'catching up',
  potential: 'next in line',
  startup: 'starting',
  backup: 'being copied',
  // Peers of the control store.
  probe: 'being probed',
  replicate: 'in step',
  snapshot: 'gets a snapshot',
  // Services.
  ejected: 'taken out',
  idle: 'not used',
  // Nodes.
  initializing: 'being set up',
  // Calls that wait for a second admin.
  executed: 'approved and run',
  // Groups.
  semi_synchronous: 'semi-synchronous',
};

/** The plain word; a state without one is said as it is. */
export function stateWord(state: string): string {
  return plain[state] ?? words(state);
}

/** The state itself where the word is another; nothing where they are the same. */
export function rawState(state: string): string | undefined {
  return stateWord(state) === words(state) ? undefined : state;
}
