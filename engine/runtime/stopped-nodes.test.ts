import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lastWords, StoppedNodes } from './stopped-nodes';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'stopped-'));
  mkdirSync(join(directory, 'n1', 'raft'), { recursive: true });
  writeFileSync(join(directory, 'n1', 'raft', 'log-1'), 'damaged');
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('stopped nodes', () => {
  it('are worth another start only once something in their directory changed', () => {
    const stopped = new StoppedNodes((node) => join(directory, node));
    stopped.note('n1', 'the log is damaged');
    expect(stopped.changed()).toEqual([]);
    expect(stopped.list()).toEqual([{ node: 'n1', sentence: 'the log is damaged' }]);
    renameSync(join(directory, 'n1', 'raft'), join(directory, 'n1', 'raft.damaged'));
    expect(stopped.changed()).toEqual(['n1']);
    stopped.forget('n1');
    expect(stopped.changed()).toEqual([]);
  });

  it('leave the sentence of their last fatal line, whatever was logged around it', () => {
    const log = join(directory, 'n1.log');
    const line = (entry: object) => `${JSON.stringify(entry)}\n`;
    writeFileSync(log, 'x'.repeat(100_000));
    expect(lastWords(log)).toBeNull();
    writeFileSync(
      log,
      `${line({ level: 60, error: 'first' })}${line({ level: 60, error: 'move it away', msg: 'this node stops' })}${line({ level: 30, msg: 'bye' })}a stray line\n`,
    );
    expect(lastWords(log)).toBe('move it away');
    expect(lastWords(join(directory, 'none.log'))).toBeNull();
  });
});
