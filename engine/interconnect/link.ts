/**
 * One authenticated connection: frames in, frames out. Invariants: what waits to be sent is bounded in bytes and messages, whatever the
 * peer does (frozen, slow, partitioned); frames leave in the order in which they were accepted; a record that doesn't verify closes the
 * link. Injected faults act here, on every frame, in both directions.
 */
import type { Socket } from 'node:net';
import type { NodeId } from '../kernel/ids';
import type { PeerIdentity } from './api';
import { DelayLine } from './delay-line';
import type { FaultState } from './fault-state';
import { delayOf, isLost, noFaults, type PathFaults } from './faults';
import {
  type Frame,
  FrameError,
  type FrameType,
  frameSize,
  RecordBuilder,
  type RecordParser,
  readFrames,
  recordLimitBytes,
  recordSoftLimitBytes,
} from './frames';
import { RecordMac, type SessionKeys } from './handshake';
import type { InterconnectLimits } from './limits';

export type LinkCounters = {
  sentMessages: number;
  receivedMessages: number;
  sentBytes: number;
  receivedBytes: number;
  droppedMessages: number;
  lastHeardAt: number | null;
};

export function newCounters(): LinkCounters {
  return {
    sentMessages: 0,
    receivedMessages: 0,
    sentBytes: 0,
    receivedBytes: 0,
    droppedMessages: 0,
    lastHeardAt: null,
  };
}

export type OutFrame = {
  readonly type: FrameType;
  readonly id: number;
  readonly method: string;
  readonly body: string;
};

export type LinkOptions = {
  readonly socket: Socket;
  readonly parser: RecordParser;
  readonly keys: SessionKeys;
  readonly remote: PeerIdentity;
  readonly limits: InterconnectLimits;
  readonly counters: LinkCounters;
  readonly faults: FaultState;
  readonly random: () => number;
  /** @throws FrameError to close the link */
  readonly onFrame: (frame: Frame) => void;
  readonly onHeard: () => void;
  readonly onClose: (why: string) => void;
};

/** `queued`: counted against the bounds. `stream`: may fill only its share of them. `control`: tiny and bounded elsewhere, always accepted. */
export type SendClass = 'queued' | 'stream' | 'control';
export type SendResult = 'accepted' | 'closed' | 'full' | 'too_large';

const streamFrames: ReadonlySet<FrameType> = new Set([
  'streamOpen',
  'streamOpened',
  'streamItem',
  'streamEnd',
  'streamClose',
]);
/** While this much stands in the socket nothing more is handed to it. */
const socketHighWaterBytes = 1024 * 1024;

export class Link {
  readonly remote: PeerIdentity;
  heardAt = performance.now();
  #closed = false;
  #records: RecordBuilder[] = [];
  #pendingBytes = 0;
  #pendingMessages = 0;
  #delayedInBytes = 0;
  #flushScheduled = false;
  #outFaults: PathFaults = noFaults;
  #inFaults: PathFaults = noFaults;
  #paused = false;
  readonly #sendMac: RecordMac;
  readonly #receiveMac: RecordMac;
  readonly #outLine: DelayLine<{ frame: OutFrame; size: number }>;
  readonly #inLine: DelayLine<Frame>;
  readonly #offFaults: () => void;

  constructor(private readonly options: LinkOptions) {
    const { socket, parser, keys, limits } = options;
    this.remote = options.remote;
    this.#sendMac = new RecordMac(keys.send);
    this.#receiveMac = new RecordMac(keys.receive);
    this.#outLine = new DelayLine(({ frame, size }) => this.#append(frame, size));
    this.#inLine = new DelayLine((frame) => {
      this.#delayedInBytes -= frame.bytes;
      this.#deliver(frame);
      this.#updateFlow();
    });
    parser.limitBytes = recordLimitBytes(limits.frameBytes);
    socket.on('data', (chunk: Buffer) => this.#received(chunk));
    socket.on('drain', () => this.#flush());
    socket.on('error', (error) => this.close(error.message));
    socket.on('close', () => this.close('connection closed'));
    this.#offFaults = options.faults.onChange(() => this.#applyFaults());
    this.#applyFaults();
  }

  /** Begins to read; separate from construction so that the owner can finish its own set-up first. */
  start(): void {
    this.#drainParser();
    if (!this.#closed) this.#updateFlow();
  }

  get closed(): boolean {
    return this.#closed;
  }

  get node(): NodeId | null {
    return this.remote.nodeId;
  }

  get queuedBytes(): number {
    return this.#pendingBytes + this.options.socket.writableLength;
  }

  /** Anything but `accepted`: nothing was sent, and the drop is counted. */
  send(frame: OutFrame, sendClass: SendClass): SendResult {
    if (this.#closed) return 'closed';
    const { limits, counters } = this.options;
    const size = frameSize(frame.method, frame.body);
    if (size > limits.frameBytes || (sendClass !== 'control' && !this.#hasRoom(size, sendClass))) {
      counters.droppedMessages++;
      return size > limits.frameBytes ? 'too_large' : 'full';
    }
    if (sendClass === 'control' && !this.#hasRoom(0, 'queued') && this.#pendingMessages >= 2 * limits.queueMessages) {
      this.close('the peer asks without ever reading the answers');
      return 'closed';
    }
    const faults = this.#outFaults;
    if (faults !== noFaults && this.#lost(faults, frame.type)) return 'accepted';
    this.#pendingBytes += size;
    this.#pendingMessages++;
    if (faults.delayMs > 0 || faults.jitterMs > 0 || this.#outLine.length > 0) {
      this.#outLine.push({ frame, size }, delayOf(faults, this.options.random));
    } else {
      this.#append(frame, size);
    }
    return 'accepted';
  }

  close(why: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#offFaults();
    this.#outLine.clear();
    this.#inLine.clear();
    this.#records = [];
    this.#pendingBytes = 0;
    this.#pendingMessages = 0;
    this.options.socket.destroy();
    this.options.onClose(why);
  }

  #hasRoom(size: number, sendClass: SendClass): boolean {
    const { limits } = this.options;
    const queued = this.queuedBytes;
    // The largest frame may be larger than the bound: an empty queue always takes one.
    if (queued === 0) return true;
    const bound = sendClass === 'stream' ? limits.streamQueueBytes : limits.queueBytes;
    return queued + size <= bound && this.#pendingMessages < limits.queueMessages;
  }

  #append(frame: OutFrame, size: number): void {
    let record = this.#records.at(-1);
    if (record === undefined || (record.bodyBytes > 0 && record.bodyBytes + size > recordSoftLimitBytes)) {
      record = new RecordBuilder(size);
      this.#records.push(record);
    }
    record.append(frame, size);
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    // One record, one MAC and one write for everything said in this turn.
    queueMicrotask(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const { socket, counters } = this.options;
    let written = 0;
    while (written < this.#records.length && !this.#closed && !this.#outFaults.partitioned) {
      if (socket.writableLength >= socketHighWaterBytes) break;
      const record = this.#records[written++]!;
      this.#pendingBytes -= record.bodyBytes;
      this.#pendingMessages -= record.messages;
      counters.sentMessages += record.messages;
      const bytes = record.seal((body) => this.#sendMac.next(body));
      counters.sentBytes += bytes.length;
      socket.write(bytes);
    }
    if (written > 0) this.#records.splice(0, written);
  }

  #received(chunk: Buffer): void {
    if (this.#closed) return;
    this.options.counters.receivedBytes += chunk.length;
    this.options.parser.push(chunk);
    this.#drainParser();
  }

  #drainParser(): void {
    const { parser } = this.options;
    try {
      for (let record = parser.next(); record !== null; record = parser.next()) {
        const body = this.#receiveMac.open(record);
        if (body === null) throw new FrameError('a record failed its authentication check');
        if (!this.#inFaults.partitioned) this.#heard();
        readFrames(body, (frame) => this.#accept(frame));
        if (this.#closed) return;
      }
    } catch (error) {
      this.close(error instanceof Error ? error.message : String(error));
    }
  }

  #heard(): void {
    this.heardAt = performance.now();
    this.options.counters.lastHeardAt = this.heardAt;
    this.options.onHeard();
  }

  #accept(frame: Frame): void {
    const faults = this.#inFaults;
    if (faults !== noFaults && this.#lost(faults, frame.type)) return;
    if (faults.partitioned || faults.delayMs > 0 || faults.jitterMs > 0 || this.#inLine.length > 0) {
      this.#delayedInBytes += frame.bytes;
      this.#inLine.push(frame, delayOf(faults, this.options.random));
      this.#updateFlow();
      return;
    }
    this.#deliver(frame);
  }

  #deliver(frame: Frame): void {
    if (this.#closed) return;
    this.options.counters.receivedMessages++;
    try {
      this.options.onFrame(frame);
    } catch (error) {
      this.close(error instanceof Error ? error.message : String(error));
    }
  }

  /** Streams ride on one ordered connection: losing an item would be silent, so a loss fault spares them. */
  #lost(faults: PathFaults, type: FrameType): boolean {
    if (streamFrames.has(type) || !isLost(faults, this.options.random)) return false;
    this.options.counters.droppedMessages++;
    return true;
  }

  #applyFaults(): void {
    const { faults } = this.options;
    this.#outFaults = faults.on(this.node, 'out');
    this.#inFaults = faults.on(this.node, 'in');
    this.#outLine.hold(this.#outFaults.partitioned);
    this.#inLine.hold(this.#inFaults.partitioned);
    this.#updateFlow();
    this.#flush();
  }

  /** Unread bytes stay in the kernel while a partition holds or too much is delayed: TCP's own window then stops the peer. */
  #updateFlow(): void {
    if (this.#closed) return;
    const pause = this.#inFaults.partitioned || this.#delayedInBytes > this.options.limits.queueBytes;
    if (pause === this.#paused && this.options.socket.isPaused() === pause) return;
    this.#paused = pause;
    if (pause) this.options.socket.pause();
    else this.options.socket.resume();
  }
}
