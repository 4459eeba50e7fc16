/** An agent's command handlers over a control store in memory: for tests of what a command does to PostgreSQL, the disk and the group record. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GroupRecord, keys } from '../cluster/model';
import { SerialQueue } from '../kernel/async';
import { systemLoop } from '../kernel/loop';
import { systemFiles } from '../kernel/small-files';
import { CommandHandlers } from '../node/command-handlers';
import { DurableState } from '../node/durable-state';
import type { LeaseHolder } from '../node/lease-holder';
import { NewDisk } from '../node/new-disk';
import type { NodeContext } from '../node/node-context';
import { RestartHold } from '../node/restart-hold';
import { StepDown } from '../node/step-down';
import type { PostgresServer } from '../postgres/api';
import { MemoryStore } from './memory-store';

export type CommandRigOptions = {
  readonly nodeId: string;
  readonly record: GroupRecord;
  readonly postgres: Partial<PostgresServer>;
  /** What the lease holder of this node says. */
  readonly lease?: Partial<LeaseHolder>;
  /** What stands in the store beside the group record. */
  readonly entries?: Readonly<Record<string, unknown>>;
  /** Another life of the agent on the same disk. */
  readonly directory?: string;
};

export class CommandRig {
  readonly store = new MemoryStore();
  readonly directory: string;
  readonly durable: DurableState;
  readonly commands: CommandHandlers;

  constructor(options: CommandRigOptions) {
    const { nodeId, record } = options;
    this.store.put(keys.group(record.name), record);
    for (const [key, value] of Object.entries(options.entries ?? {})) this.store.put(key, value);
    this.directory = options.directory ?? mkdtempSync(join(tmpdir(), 'rustydb-commands-'));
    this.durable = new DurableState(this.directory, systemFiles);
    const silent = () => undefined;
    const context = {
      loop: systemLoop,
      files: systemFiles,
      config: { nodeId, group: record.name, nodeDirectory: this.directory },
      logger: { info: silent, warn: silent, error: silent, debug: silent },
      store: this.#member(nodeId),
      postgres: options.postgres,
      reports: { last: null, get: async () => ({ state: 'standby' }), invalidate: silent },
      walSource: { setUpstream: silent },
      durable: this.durable,
      serverQueue: new SerialQueue('PostgreSQL of the test', 10),
    } as unknown as NodeContext;
    const lease = { epoch: null, input: silent, wake: silent, mayBeHolder: () => false, ...options.lease };
    this.commands = new CommandHandlers({
      context,
      lease: lease as unknown as LeaseHolder,
      earlierLife: { ended: silent } as never,
      hold: new RestartHold(context),
      newDisk: new NewDisk(context),
      loop: { abortBackup: silent, troubles: [], starts: { failures: { count: 0, words: null } } } as never,
      duties: {} as never,
      stepDown: new StepDown(context, lease as unknown as LeaseHolder),
      standbyStop: { prepare: async () => undefined },
      onPromoted: silent,
      onRouteChange: silent,
      onSlotsChanged: silent,
      letSlotCopiesGo: silent,
    });
  }

  #readsHeld: Promise<void> | null = null;
  #reading: (() => void) | null = null;

  #member(nodeId: string) {
    const member = this.store.as(nodeId);
    const get = member.get.bind(member);
    member.get = async (key) => {
      this.#reading?.();
      await this.#readsHeld;
      return get(key);
    };
    return member;
  }

  /** The store's leader is frozen: reads wait until released. */
  holdReads(): { readonly waiting: () => Promise<void>; readonly release: () => void } {
    let release: () => void = () => undefined;
    this.#readsHeld = new Promise((resolve) => {
      release = resolve;
    });
    const began = new Promise<void>((resolve) => {
      this.#reading = resolve;
    });
    return { waiting: () => began, release };
  }

  record(name: string): GroupRecord {
    return this.store.value<GroupRecord>(keys.group(name));
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export function fenceOf(controllerTerm: number, groupEpoch: number) {
  return { controllerTerm, groupEpoch, operation: 'op', step: 'step', attempt: 1 };
}
