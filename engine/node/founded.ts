/**
 * Whether this node directory's member of the control store was begun once. Invariant: the founding configuration is handed to it only before that: a
 * founder whose store directory was emptied would otherwise begin a second time, vote again in terms in which it has voted, and count acknowledged
 * entries as never written.
 */
import { join } from 'node:path';
import { replaceFile, type SmallFiles } from '../kernel/small-files';

const markFile = 'store-begun';

/** Null: it must learn the configuration from the others, or stay out. */
export function foundingOnce<T>(files: SmallFiles, nodeDirectory: string, bootstrap: T | null): T | null {
  return files.readText(join(nodeDirectory, markFile)) === null ? bootstrap : null;
}

/** To be called once its log is on disk. */
export function noteBegun(files: SmallFiles, nodeDirectory: string): void {
  const file = join(nodeDirectory, markFile);
  if (files.readText(file) === null)
    replaceFile(files, file, 'The control store of this node was begun. Do not remove.\n');
}
