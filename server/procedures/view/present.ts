/** The live view on the wire, made once for each state of the local copy however many pages look at it. */
import type { ClusterView } from '@/engine/cluster/model';
import type { CurrentView } from '@/server/engine-client/api';
import { presentOperation } from '../shared/present-operation';
import { presentTopology } from '../shared/present-topology';
import type { LiveView } from './live-patch';

const made = new WeakMap<ClusterView, Map<string, LiveView>>();

export function presentLive(current: CurrentView, admin: boolean): LiveView {
  const views = made.get(current.view) ?? new Map<string, LiveView>();
  made.set(current.view, views);
  const key = `${admin} ${current.live}`;
  const known = views.get(key);
  if (known) return known;
  const live = {
    topology: presentTopology(current, admin),
    operations: current.view.operations.map(presentOperation),
  };
  views.set(key, live);
  return live;
}
