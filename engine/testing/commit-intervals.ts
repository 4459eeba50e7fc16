/**
 * Did two nodes of one group acknowledge commits in overlapping intervals? Judged only from what probes saw: when they sent a commit, when its answer
 * came, and the timeline it was made on. A node's commits on one timeline are one interval; the moment of acknowledgement lies somewhere between
 * `sentMs` and `answeredMs`, so an overlap is certain only when the older node took a commit sent after the newer one had answered its first.
 */
export type ProbeCommit = {
  readonly node: string;
  readonly timeline: number;
  readonly sentMs: number;
  readonly answeredMs: number;
};

type Interval = {
  readonly node: string;
  readonly timeline: number;
  readonly firstSentMs: number;
  readonly firstAnsweredMs: number;
  lastSentMs: number;
  lastAnsweredMs: number;
  commits: number;
};

export type Overlap = {
  readonly kind: 'overlap' | 'same-timeline' | 'late-answer';
  readonly sentence: string;
};

export class CommitIntervals {
  readonly #intervals = new Map<string, Interval>();

  add({ node, timeline, sentMs, answeredMs }: ProbeCommit): void {
    const key = `${timeline}/${node}`;
    const known = this.#intervals.get(key);
    if (!known) {
      this.#intervals.set(key, {
        node,
        timeline,
        firstSentMs: sentMs,
        firstAnsweredMs: answeredMs,
        lastSentMs: sentMs,
        lastAnsweredMs: answeredMs,
        commits: 1,
      });
      return;
    }
    known.lastSentMs = Math.max(known.lastSentMs, sentMs);
    known.lastAnsweredMs = Math.max(known.lastAnsweredMs, answeredMs);
    known.commits++;
  }

  get intervals(): readonly Readonly<Interval>[] {
    return [...this.#intervals.values()].sort((a, b) => a.timeline - b.timeline || a.firstSentMs - b.firstSentMs);
  }

  /** `late-answer` is no violation: a commit sent before the takeover whose answer was delivered after it. */
  findings(): readonly Overlap[] {
    const found: Overlap[] = [];
    const all = this.intervals;
    for (const [index, older] of all.entries()) {
      for (const newer of all.slice(index + 1)) {
        if (older.node === newer.node) continue;
        const finding = compare(older, newer);
        if (finding) found.push(finding);
      }
    }
    return found;
  }

  violations(): readonly Overlap[] {
    return this.findings().filter((finding) => finding.kind !== 'late-answer');
  }
}

function compare(older: Readonly<Interval>, newer: Readonly<Interval>): Overlap | null {
  const names = `${older.node} (timeline ${older.timeline}) and ${newer.node} (timeline ${newer.timeline})`;
  if (older.timeline === newer.timeline) {
    return { kind: 'same-timeline', sentence: `${names} both acknowledged commits on the same timeline` };
  }
  const certainMs = older.lastSentMs - newer.firstAnsweredMs;
  if (certainMs > 0) {
    return {
      kind: 'overlap',
      sentence: `${names} overlap: the older one acknowledged a commit sent ${certainMs.toFixed(1)} ms after the newer one's first answer`,
    };
  }
  const lateMs = older.lastAnsweredMs - newer.firstAnsweredMs;
  if (lateMs > 0) {
    return {
      kind: 'late-answer',
      sentence: `${names}: the last answer of the older one came ${lateMs.toFixed(1)} ms after the newer one's first`,
    };
  }
  return null;
}
