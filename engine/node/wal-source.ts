/**
 * From where this node's walreceiver gets its WAL: the service file that libpq reads in it at every connection. Straight from the primary; through this
 * agent's relay while an injected fault acts. Invariants: the file names nobody but the upstream that is set, and nobody until one is; after a change
 * the walreceivers that may have read the file before are ended (whoever relies on it sees them gone: `settle` in postgres/position.ts).
 * The file is no memory: each life of the agent begins by closing it.
 */
import type { Fault } from '../interconnect/api';
import { isActive } from '../interconnect/faults';
import type { WalProxyStats, WalUpstream } from '../interconnect/wal-proxy';
import { messageOf } from '../kernel/errors';
import type { Logger } from '../kernel/log';
import type { Loop, Timer } from '../kernel/loop';
import type { SmallFiles } from '../kernel/small-files';
import { delay } from '../kernel/waiting';
import type { PostgresServer } from '../postgres/api';
import { serviceFileText } from '../postgres/settings';
import type { AgentConfig } from '../runtime/process-config';
import type { WalDoor } from './node-context';

/** What the source needs of `WalProxy`. */
export type Relay = {
  setUpstream(upstream: WalUpstream | null): void;
  applyFaults(): void;
  stats(): Pick<WalProxyStats, 'proven'>;
};

export type WalSourceOptions = {
  readonly file: string;
  readonly files: Pick<SmallFiles, 'create' | 'rename' | 'removeNow'>;
  readonly relay: Relay;
  readonly relayPort: number;
  readonly postgres: Pick<PostgresServer, 'endReceivers'>;
  readonly faults: () => readonly Fault[];
  /** An address for a name; at once for what is one. */
  readonly resolve: (host: string) => string | Promise<string>;
  readonly loop: Loop;
  readonly logger: Logger;
};

/** Until the server answers, walreceivers are asked to end this often. */
const endAgainMs = 100;
/** While faults act, so that their end is noticed. */
const faultPollMs = 100;
/** A name is looked up anew this often. */
const lookUpMs = 2_000;
/** How long a fault waits for the connection that it shall disturb. */
const relayedWithinMs = 2_000;

/** In a directory of ours: PostgreSQL's user reads it and can't change it. */
export function serviceFileOf(config: Pick<AgentConfig, 'nodeDirectory'>): string {
  return `${config.nodeDirectory}/wal-source.conf`;
}

export class WalSource implements WalDoor {
  #target: WalUpstream | null = null;
  /** What the file says; null: not known. */
  #text: string | null = null;
  #relayed = false;
  #address: { readonly of: WalUpstream; readonly host: string } | null = null;
  #lookedUpAt = Number.NEGATIVE_INFINITY;
  #ending = false;
  #endAgain = false;
  #poll: Timer | null = null;

  constructor(private readonly options: WalSourceOptions) {}

  /** Before anything of PostgreSQL is started or adopted. What an earlier life of the agent opened is closed. */
  begin(): void {
    this.#write(null);
    this.#end();
  }

  /** With null nobody can be reached any more; what still runs is ended. @throws when the file can neither be written nor removed */
  setUpstream(target: WalUpstream | null): void {
    const before = this.#target;
    const changed = before?.node !== target?.node || before?.host !== target?.host || before?.port !== target?.port;
    if (changed) {
      this.#target = target;
      this.#lookedUpAt = Number.NEGATIVE_INFINITY;
      this.options.relay.setUpstream(target);
    }
    if (changed || this.#text === null) this.#write(null);
    // An adopted server may have one that an earlier life let out.
    if (changed || target === null) this.#end();
    this.#open();
  }

  /**
   * Resolves once the walreceiver comes through the relay, or can't: as long as it streams straight from the primary nothing could be done to it, and
   * a switch-over afterwards would tell the primary that the standby is gone.
   */
  async beforeFaults(faults: readonly Fault[]): Promise<void> {
    if (!this.#disturb(faults)) return;
    const streamed = this.#target !== null;
    this.#setRelayed(true);
    const until = this.options.loop.now() + relayedWithinMs;
    while (streamed && this.options.relay.stats().proven === 0 && this.options.loop.now() < until)
      await delay(this.options.loop, 10);
  }

  /** Call when the faults have changed. */
  applyFaults(): void {
    this.options.relay.applyFaults();
    this.#watchFaults();
  }

  stop(): void {
    this.#poll?.cancel();
    this.#poll = null;
  }

  #disturb(faults: readonly Fault[]): boolean {
    const now = this.options.loop.wallMs();
    return faults.some((fault) => fault.channel !== 'interconnect' && isActive(fault, now));
  }

  #watchFaults(): void {
    this.#poll?.cancel();
    this.#poll = null;
    const disturbed = this.#disturb(this.options.faults());
    this.#setRelayed(disturbed);
    if (disturbed) this.#poll = this.options.loop.after(faultPollMs, () => this.#watchFaults(), 'background');
  }

  #setRelayed(relayed: boolean): void {
    if (relayed === this.#relayed) return;
    this.#relayed = relayed;
    this.options.logger.info(
      { relayed },
      relayed ? 'WAL comes through the relay' : 'WAL comes straight from the primary',
    );
    this.#open();
  }

  /** Where the upstream is; nothing changes when the file says so already. */
  #open(): void {
    const address = this.#whereTo();
    if (address === null) return;
    const text = serviceFileText(address);
    if (text === this.#text) return;
    const wasClosed = this.#text === serviceFileText(null);
    try {
      this.#write(address);
    } catch (error) {
      // Closed it is; it is tried again at the next call.
      this.options.logger.warn({ error: messageOf(error) }, 'the address of the primary can not be written');
      return;
    }
    if (!wasClosed) this.#end();
  }

  #whereTo(): { host: string; port: number } | null {
    const target = this.#target;
    if (target === null) return null;
    if (this.#relayed) return { host: '127.0.0.1', port: this.options.relayPort };
    this.#lookUp(target);
    return this.#address?.of === target ? { host: this.#address.host, port: target.port } : null;
  }

  /** Never in the walreceiver: a name server that does not answer would keep it from ending. */
  #lookUp(target: WalUpstream): void {
    const now = this.options.loop.now();
    if (now - this.#lookedUpAt < lookUpMs) return;
    this.#lookedUpAt = now;
    const found = this.options.resolve(target.host);
    if (typeof found === 'string') {
      this.#address = { of: target, host: found };
      return;
    }
    found.then(
      (host) => {
        if (this.#target !== target) return;
        this.#address = { of: target, host };
        this.#open();
      },
      (error: unknown) => {
        this.options.logger.warn({ host: target.host, error: messageOf(error) }, 'the primary’s name is not found');
      },
    );
  }

  #write(address: { readonly host: string; readonly port: number } | null): void {
    const { file, files } = this.options;
    const text = serviceFileText(address);
    this.#text = null;
    try {
      // Not synced: after a power cut nothing reads it before `begin`.
      const next = files.create(`${file}.new`, 0o644);
      try {
        next.write(text);
      } finally {
        next.close();
      }
      files.rename(`${file}.new`, file);
    } catch (error) {
      // To remove it needs no room.
      files.removeNow(file);
      if (address !== null) {
        this.#text = serviceFileText(null);
        throw error;
      }
    }
    this.#text = text;
  }

  /** One look at a server that answers, after the file was changed: whoever comes later reads what it says now. */
  #end(): void {
    if (this.#ending) {
      this.#endAgain = true;
      return;
    }
    this.#ending = true;
    this.#endAgain = false;
    const again = () => {
      this.#ending = false;
      this.#end();
    };
    this.options.postgres.endReceivers().then(
      (done) => {
        if (!done) this.options.loop.after(endAgainMs, again, 'background');
        else if (this.#endAgain) again();
        else this.#ending = false;
      },
      () => void this.options.loop.after(endAgainMs, again, 'background'),
    );
  }
}
