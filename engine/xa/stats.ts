/** What the coordinator of this node has done since it began. */
import { Latencies } from './core/latencies';

export class XaCounters {
  started = 0;
  committed = 0;
  rolledBack = 0;
  onePhase = 0;
  heuristic = 0;
  timedOut = 0;
  resolvedByJanitor = 0;
  readonly prepare = new Latencies();
  readonly decide = new Latencies();
  readonly commit = new Latencies();
  readonly total = new Latencies();

  constructor(readonly since: string) {}
}
