/**
 * How this node's PostgreSQL is started, whoever starts it: with what the group wants of it, waiting for acknowledgements where its commits do, and with
 * PostgreSQL's last words kept when it does not come up. Also whether a standby has to be restarted because it runs with less than its primary.
 */

import { ownShortfall, shortfallSentence } from '../cluster/core/standby-parameters';
import { commitsWait } from '../cluster/core/voter-set';
import type { PostgresReport } from '../cluster/model';
import { messageOf } from '../kernel/errors';
import type { StartOptions } from '../postgres/api';
import type { Settings } from '../postgres/runtime-settings';
import { slotName } from '../postgres/settings';
import { groupFact, groupMembers, type NodeContext } from './node-context';

const startTimeoutMs = 600_000;

export class ServerStarts {
  #failures = 0;
  #lastWords: string | null = null;
  /** Starts as primary that ended badly since the last time the server served. */
  #unserved = 0;
  #underWay: Promise<unknown> | null = null;
  /** The shortfall that the last restart was to mend. */
  #mended = '';

  /** `settingsForStart`: what the group record wants of PostgreSQL, for a server that does not start can't be told. */
  constructor(
    private readonly context: NodeContext,
    private readonly settingsForStart: () => Promise<Settings>,
  ) {}

  /** How often PostgreSQL ended while it started, and its last words: for whoever waits for it to come up. */
  get failures(): { readonly count: number; readonly words: string | null } {
    return { count: this.#failures, words: this.#lastWords };
  }

  get unserved(): number {
    return this.#unserved;
  }

  served(): void {
    this.#unserved = 0;
  }

  /** When no start as primary is under way any more, however it ended. */
  async outcome(): Promise<void> {
    await this.#underWay;
  }

  async primary(serveForMs: () => number): Promise<void> {
    const start = this.#startPrimary(serveForMs);
    this.#underWay = start.then(
      () => this.served(),
      () => {
        this.#unserved++;
      },
    );
    await start;
    await this.#underWay;
  }

  async #startPrimary(serveForMs: () => number): Promise<void> {
    const settings = await this.settingsForStart();
    const members = this.#members();
    await this.#start('primary', { serveForMs: serveForMs(), settings, members, timeoutMs: startTimeoutMs });
  }

  async standby(options: Pick<StartOptions, 'follow' | 'tagged' | 'primaryParameters'>): Promise<void> {
    const record = groupFact(this.context)?.record;
    await this.#start('standby', {
      ...options,
      commitsWait: record !== undefined && commitsWait(record),
      slot: slotName(this.context.config.nodeId),
      settings: await this.settingsForStart(),
      members: this.#members(),
      timeoutMs: startTimeoutMs,
    });
  }

  #members(): number {
    return groupMembers(this.context).length;
  }

  async #start(role: 'primary' | 'standby', options: StartOptions): Promise<void> {
    try {
      await this.context.postgres.start(role, options);
    } catch (error) {
      this.#failures++;
      this.#lastWords = messageOf(error);
      throw error;
    }
  }

  /**
   * Why this standby has to be restarted: its replay stands for ever when the primary runs with more. Null: it need not. Once for the same shortfall: a
   * server that has it again after the restart is told as trouble and not restarted round and round.
   */
  tooLittle({ parameters, replayPaused }: PostgresReport): string | null {
    const shortfall = ownShortfall(parameters);
    const sentence = shortfallSentence(shortfall);
    if (shortfall.length === 0) {
      this.#mended = '';
      return null;
    }
    if (sentence === this.#mended) {
      if (replayPaused) throw new Error(`Replay stands although PostgreSQL was restarted with more: ${sentence}.`);
      return null;
    }
    this.#mended = sentence;
    this.context.logger.warn(
      { shortfall },
      'the primary runs with more than this standby: it is restarted with enough',
    );
    return sentence;
  }
}
