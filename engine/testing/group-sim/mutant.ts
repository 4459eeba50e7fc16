/**
 * Runs the simulator over a product with a deliberate mistake in it: the source is changed while it is bundled, so that what ships carries no hooks. A
 * change that no longer fits the source exactly once is an error: then the rule that it breaks has moved, and the mutation with it.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import type { Suite } from './faults';
import type { Mutation } from './mutations';
import type { Aim } from './simulation';

export type Hunt = { readonly suite: Suite; readonly from: number; readonly runs: number; readonly aim?: Aim };
export type Caught = { readonly seed: number; readonly violations: readonly string[] };

const engine = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

export async function bundleMutant(mutation: Mutation): Promise<string> {
  const left = new Set(mutation.edits);
  const bundle = await build({
    stdin: {
      contents: `
        import { parentPort, workerData } from 'node:worker_threads';
        import { runGroup } from './simulation';
        const hunt = async ({ suite, from, runs, aim }) => {
          for (let seed = from; seed < from + runs; seed++) {
            const { violations } = await runGroup({ seed, suite, aim, stopAtViolation: true });
            if (violations.length > 0) return { seed, violations };
          }
          return null;
        };
        hunt(workerData).then((found) => parentPort.postMessage(found));
      `,
      resolveDir: join(engine, 'testing/group-sim'),
      loader: 'ts',
    },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    packages: 'external',
    logLevel: 'silent',
    define: { 'import.meta.url': '"file:///mutant"' },
    plugins: [
      {
        name: 'mutation',
        setup(one) {
          one.onLoad({ filter: /\.ts$/ }, ({ path }) => {
            const edits = mutation.edits.filter((edit) => join(engine, edit.file) === path);
            if (edits.length === 0) return null;
            let contents = readFileSync(path, 'utf8');
            for (const edit of edits) {
              const parts = contents.split(edit.find);
              if (parts.length !== 2)
                throw new Error(`${mutation.name}: ${parts.length - 1} × ${JSON.stringify(edit.find)} in ${edit.file}`);
              contents = parts.join(edit.replace);
              left.delete(edit);
            }
            return { contents, loader: 'ts' };
          });
        },
      },
    ],
  });
  for (const edit of left) throw new Error(`${mutation.name}: ${edit.file} is no part of the simulator`);
  return bundle.outputFiles[0]!.text;
}

/** The first run that a checker objected to; null: none. */
export async function runMutant(mutation: Mutation, hunt: Hunt): Promise<Caught | null> {
  const code = await bundleMutant(mutation);
  return new Promise((resolve, reject) => {
    const worker = new Worker(code, { eval: true, workerData: { ...hunt, aim: hunt.aim ?? mutation.aim } });
    worker.once('message', (found: Caught | null) => {
      resolve(found);
      void worker.terminate();
    });
    worker.once('error', reject);
  });
}
