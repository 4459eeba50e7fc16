/**
 * Takes secrets out of this process's own environment once they are in their files. Deleting a variable hides it from Node alone: the system goes on
 * showing the environment with which a process was started, for as long as it runs (/proc/<pid>/environ). Node can't replace itself by another program, so
 * the bytes are overwritten where they lie. Where that can't be done (another system) only the variable goes.
 */
import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { valuesIn } from './core/child-environment';

/** False: they still stand in /proc. */
export function forgetSecrets(names: readonly string[]): boolean {
  const given = names.filter((name) => process.env[name] !== undefined);
  for (const name of given) delete process.env[name];
  if (given.length === 0) return true;
  try {
    overwrite(given);
    return valuesIn(readFileSync('/proc/self/environ'), given).every(({ length }) => length === 0);
  } catch {
    return false;
  }
}

function overwrite(names: readonly string[]): void {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  // Behind the name of the program, which may have blanks, field 3 comes first; 50 and 51 are where the environment begins and ends.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [begin, end] = [BigInt(fields[47] ?? 0), BigInt(fields[48] ?? 0)];
  if (begin === 0n || end <= begin) return;
  const memory = openSync('/proc/self/mem', 'r+');
  try {
    const block = Buffer.alloc(Number(end - begin));
    const read = readSync(memory, block, 0, block.length, begin);
    for (const { at, length } of valuesIn(block.subarray(0, read), names)) {
      if (length > 0) writeSync(memory, Buffer.alloc(length), 0, length, Number(begin) + at);
    }
  } finally {
    closeSync(memory);
  }
}
