/**
 * One relayed connection, two directions, each an independent pump: read a chunk, hand on the same buffer, stop reading while the other side
 * is full. `in` is from the primary to the standby, `out` the way back.
 */
import type { Socket } from 'node:net';
import type { NodeId } from '../kernel/ids';
import type { Fault } from './api';
import { DelayLine } from './delay-line';
import { delayOf, faultsOn, type PathFaults } from './faults';

export type WalRelayOptions = {
  readonly downstream: Socket;
  readonly upstreamNode: NodeId;
  readonly connect: () => Socket;
  readonly faults: () => readonly Fault[];
  readonly random: () => number;
  /** From its first byte to the primary until that lets it in. */
  readonly authenticationMs: number;
  readonly onBytes: (direction: 'in' | 'out', bytes: number) => void;
  readonly onClose: (why: string) => void;
};

const authenticationOk = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0]);
/** What one direction may hold while it delays; then the sender is stopped. */
const delayedBytesLimit = 4 * 1024 * 1024;

export class WalRelay {
  #upstream: Socket | null = null;
  #in: Pump | null = null;
  #out: Pump | null = null;
  #closed = false;
  #proven = false;
  /** The last of what the primary said: its word may come in two chunks. */
  #tail: Buffer = Buffer.alloc(0);
  #tooLate: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly options: WalRelayOptions) {
    options.downstream.on('close', () => this.close('the standby closed'));
  }

  /** The primary has let it in. */
  get proven(): boolean {
    return this.#proven;
  }

  start(): void {
    this.applyFaults();
  }

  /** Called whenever faults may have changed. A connection that came during a partition begins when it ends. */
  applyFaults(): void {
    if (this.#closed) return;
    const inFaults = this.#faults('in');
    const outFaults = this.#faults('out');
    if (this.#upstream === null) {
      // Opening needs both directions: a lost answer leaves the caller hanging as well as a lost request does.
      if (inFaults.partitioned || outFaults.partitioned) return;
      this.#connect();
    }
    this.#in?.apply(inFaults);
    this.#out?.apply(outFaults);
  }

  close(why = 'cut'): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#tooLate !== null) clearTimeout(this.#tooLate);
    this.#in?.stop();
    this.#out?.stop();
    this.#upstream?.destroy();
    this.options.downstream.destroy();
    this.options.onClose(why);
  }

  #connect(): void {
    const { downstream, onBytes, random } = this.options;
    const upstream = this.options.connect();
    this.#upstream = upstream;
    upstream.on('error', (error) => this.close(error.message));
    upstream.on('close', () => this.close('the primary closed'));
    upstream.on('data', this.#prove);
    const { authenticationMs } = this.options;
    this.#tooLate = setTimeout(() => this.close(`not authenticated within ${authenticationMs} ms`), authenticationMs);
    this.#in = new Pump({ from: upstream, to: downstream, random, onBytes: (bytes) => onBytes('in', bytes) });
    this.#out = new Pump({ from: downstream, to: upstream, random, onBytes: (bytes) => onBytes('out', bytes) });
    downstream.resume();
  }

  /** Before it, a server says nothing with zero bytes but lengths and codes of its own messages. */
  readonly #prove = (chunk: Buffer): void => {
    const seen = Buffer.concat([this.#tail, chunk]);
    if (!seen.includes(authenticationOk)) {
      this.#tail = seen.subarray(-authenticationOk.length);
      return;
    }
    this.#proven = true;
    this.#tail = Buffer.alloc(0);
    this.#upstream?.off('data', this.#prove);
    if (this.#tooLate !== null) clearTimeout(this.#tooLate);
  };

  #faults(direction: 'in' | 'out'): PathFaults {
    return faultsOn(this.options.faults(), { peer: this.options.upstreamNode, direction, channel: 'wal' }, Date.now());
  }
}

type PumpOptions = {
  readonly from: Socket;
  readonly to: Socket;
  readonly random: () => number;
  readonly onBytes: (bytes: number) => void;
};

class Pump {
  #faults: PathFaults | null = null;
  #delayedBytes = 0;
  #full = false;
  #ended = false;
  readonly #line: DelayLine<Buffer | null>;

  constructor(private readonly options: PumpOptions) {
    const { from, to } = options;
    this.#line = new DelayLine((chunk) => {
      this.#delayedBytes -= chunk?.length ?? 0;
      this.#write(chunk);
      this.#updateFlow();
    });
    from.on('data', (chunk: Buffer) => this.#received(chunk));
    from.on('end', () => this.#received(null));
    to.on('drain', () => {
      this.#full = false;
      this.#updateFlow();
    });
  }

  apply(faults: PathFaults): void {
    this.#faults = faults;
    this.#line.hold(faults.partitioned);
    this.#updateFlow();
  }

  stop(): void {
    this.#line.clear();
  }

  /** Null: the sender has finished; it passes in order behind its bytes. */
  #received(chunk: Buffer | null): void {
    const faults = this.#faults;
    const late = faults !== null && (faults.partitioned || faults.delayMs > 0 || faults.jitterMs > 0);
    if (!late && this.#line.length === 0) {
      this.#write(chunk);
      return;
    }
    this.#delayedBytes += chunk?.length ?? 0;
    this.#line.push(chunk, faults === null ? 0 : delayOf(faults, this.options.random));
    this.#updateFlow();
  }

  #write(chunk: Buffer | null): void {
    const { to, onBytes } = this.options;
    if (this.#ended || to.destroyed) return;
    if (chunk === null) {
      this.#ended = true;
      to.end();
      return;
    }
    onBytes(chunk.length);
    if (to.write(chunk)) return;
    this.#full = true;
    this.#updateFlow();
  }

  #updateFlow(): void {
    const { from } = this.options;
    if (from.destroyed) return;
    const pause = this.#full || this.#faults?.partitioned === true || this.#delayedBytes > delayedBytesLimit;
    if (pause === from.isPaused()) return;
    if (pause) from.pause();
    else from.resume();
  }
}
