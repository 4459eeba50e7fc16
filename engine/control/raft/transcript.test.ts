/**
 * Golden transcripts: testdata/*.txt hold a script (lines that begin with `>`) and, below each command, everything that members said and did.
 * A protocol change is a readable difference. UPDATE_TRANSCRIPTS=1 rewrites them.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { RaftConfiguration, RaftMember } from '../store';
import { defaultLimits, type Input, type Message, type Persist, type RaftState } from './core/model';
import { initialState, nextTickAt, step } from './core/step';
import { describeEffect, describeMessage, describeState } from './core/trace';

const directory = join(dirname(fileURLToPath(import.meta.url)), 'testdata');
const scripts = readdirSync(directory).filter((name) => name.endsWith('.txt'));

describe('transcripts', () => {
  it.each(scripts)('%s', (name) => {
    const path = join(directory, name);
    const expected = readFileSync(path, 'utf8');
    const stage = new Stage();
    const lines = expected
      .split('\n')
      .filter((line) => line.startsWith('>') || line.startsWith('#'))
      .flatMap((line) => (line.startsWith('#') ? [line] : [line, ...stage.command(line.slice(1).trim()), '']));
    const actual = `${lines.join('\n').trimEnd()}\n`;
    if (process.env.UPDATE_TRANSCRIPTS) writeFileSync(path, actual);
    expect(actual).toBe(process.env.UPDATE_TRANSCRIPTS ? actual : expected);
  });
});

/** A few members without a network: messages and disk writes wait until the script lets them through. */
class Stage {
  readonly #states = new Map<string, RaftState>();
  #mail: Message[] = [];
  #disk: { readonly id: string; readonly effect: Persist }[] = [];
  #now = 0;
  #out: string[] = [];

  command(text: string): readonly string[] {
    this.#out = [];
    const [verb, ...args] = text.split(' ');
    this.#run(verb!, args);
    return this.#out;
  }

  #run(verb: string, args: readonly string[]): void {
    const [first = '', second = ''] = args;
    switch (verb) {
      case 'cluster':
        for (const id of args) this.#add(id, { voters: args.map(member), learners: [] });
        return;
      case 'blank':
        this.#add(first, null);
        return;
      case 'tick':
        this.#now = Math.max(this.#now, nextTickAt(this.#state(first)));
        this.#feed(first, { kind: 'tick' });
        return;
      case 'propose':
        this.#feed(first, { kind: 'propose', data: args.slice(1) });
        return;
      case 'read':
        this.#feed(first, { kind: 'read', id: Number(second), patient: args[2] === 'patient' });
        return;
      case 'transfer':
        this.#feed(first, { kind: 'transfer', to: second });
        return;
      case 'add':
        this.#feed(first, { kind: 'change', change: { kind: 'add-learner', member: member(second) } });
        return;
      case 'promote':
        this.#feed(first, { kind: 'change', change: { kind: 'promote', id: second } });
        return;
      case 'remove':
        this.#feed(first, { kind: 'change', change: { kind: 'remove', member: member(second) } });
        return;
      case 'snapshot':
        this.#feed(first, {
          kind: 'snapshotted',
          index: this.#state(first).appliedIndex,
          parts: ['x'.repeat(Number(second))],
        });
        return;
      case 'sync':
        this.#sync(first);
        return;
      case 'deliver':
        this.#deliver(args);
        return;
      case 'drop':
        this.#mail = this.#mail.filter((message) => !touches(message, args));
        return;
      case 'settle':
        this.#settle(args);
        return;
      case 'show':
        for (const id of args) this.#out.push(describeState(this.#state(id)));
        return;
      default:
        throw new Error(`unknown command ${verb}`);
    }
  }

  #state(id: string): RaftState {
    return this.#states.get(id)!;
  }

  #add(id: string, configuration: RaftConfiguration | null): void {
    const self = member(id);
    const snapshot = configuration && { index: 1, term: 1, configuration, parts: [] };
    const recovered = { hardState: { term: 1, vote: null }, snapshot, entries: [] };
    const limits = { ...defaultLimits, chunkChars: 10, keepBehind: 0 };
    this.#states.set(
      self.id,
      initialState({
        self,
        heartbeatMs: 100,
        electionMs: 500,
        limits,
        seed: self.id.charCodeAt(0),
        now: this.#now,
        recovered,
      }),
    );
  }

  #feed(id: string, input: Input): void {
    const { state, effects } = step(this.#state(id), this.#now, input);
    this.#states.set(id, state);
    for (const effect of effects) {
      const text = describeEffect(effect);
      if (text) this.#out.push(`  ${id}: ${text}`);
      if (effect.kind === 'send') this.#post(effect.messages);
      if (effect.kind === 'persist') this.#disk.push({ id, effect });
    }
  }

  #post(messages: readonly Message[]): void {
    for (const message of messages) this.#out.push(`  ${describeMessage(message)}`);
    this.#mail.push(...messages);
  }

  #sync(id: string): void {
    const mine = this.#disk.filter((item) => item.id === id);
    this.#disk = this.#disk.filter((item) => item.id !== id);
    for (const { effect } of mine) {
      this.#post(effect.messages);
      const { token, lastIndex, lastTerm } = effect;
      this.#feed(id, { kind: 'persisted', token, lastIndex, lastTerm });
    }
  }

  /** What waits now, to the named members (all if none is named); answers wait for the next command. */
  #deliver(to: readonly string[]): void {
    const due = this.#mail.filter((message) => to.length === 0 || to.includes(message.to.id));
    this.#mail = this.#mail.filter((message) => !due.includes(message));
    for (const message of due)
      if (this.#states.has(message.to.id)) this.#feed(message.to.id, { kind: 'message', message });
  }

  /** Disk and network of the named members until nothing moves; messages to others are lost. */
  #settle(ids: readonly string[]): void {
    for (let rounds = 0; rounds < 100; rounds++) {
      for (const id of ids) this.#sync(id);
      this.#mail = this.#mail.filter((message) => ids.includes(message.to.id) && ids.includes(message.from.id));
      if (this.#mail.length === 0) return;
      this.#now += 1;
      this.#deliver(ids);
    }
    throw new Error('does not settle');
  }
}

function touches(message: Message, ids: readonly string[]): boolean {
  return ids.length === 0 || ids.includes(message.to.id) || ids.includes(message.from.id);
}

/** `a` is a's first life, `a.2` its second. */
function member(text: string): RaftMember {
  const [id = '', life = '1'] = text.split('.');
  return { id, incarnation: life };
}
