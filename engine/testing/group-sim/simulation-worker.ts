/**
 * The simulator as one bundle for worker threads, with edits of the source made while it is bundled, so that what ships carries no hooks. An edit that
 * no longer fits the source exactly once is an error: then the rule that it breaks has moved.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { build, type Plugin } from 'esbuild';
import type { RunOptions, RunResult } from './simulation';

export type Edit = { readonly file: string; readonly find: string; readonly replace: string };
type Job = Omit<RunOptions, 'trace'> & { readonly print?: boolean };

const engine = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Runs what it is posted, one after the other, and posts the results. */
const entry = `
  import { parentPort } from 'node:worker_threads';
  import { runGroup } from './simulation';
  parentPort.on('message', async ({ print, ...job }) =>
    parentPort.postMessage(await runGroup({ ...job, ...(print && { trace: (line) => console.log(line) }) })),
  );
`;

export async function bundleSimulation(edits: readonly Edit[] = []): Promise<string> {
  const left = new Set(edits);
  const bundle = await build({
    stdin: { contents: entry, resolveDir: join(engine, 'testing/group-sim'), loader: 'ts' },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    packages: 'external',
    logLevel: 'silent',
    define: { 'import.meta.url': '"file:///simulation"' },
    plugins: [editing(edits, left)],
  });
  for (const edit of left) throw new Error(`${edit.file} is no part of the simulator`);
  return bundle.outputFiles[0]!.text;
}

function editing(edits: readonly Edit[], left: Set<Edit>): Plugin {
  return {
    name: 'edits',
    setup(one) {
      one.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const here = edits.filter((edit) => join(engine, edit.file) === path);
        if (here.length === 0) return null;
        let contents = readFileSync(path, 'utf8');
        for (const edit of here) {
          const parts = contents.split(edit.find);
          if (parts.length !== 2) throw new Error(`${parts.length - 1} × ${JSON.stringify(edit.find)} in ${edit.file}`);
          contents = parts.join(edit.replace);
          left.delete(edit);
        }
        return { contents, loader: 'ts' };
      });
    },
  };
}

/** One thread that simulates. Young objects die in the run that made them: room for them saves a third of the time. */
export class SimulationWorker {
  readonly #worker: Worker;

  constructor(code: string) {
    this.#worker = new Worker(code, { eval: true, resourceLimits: { maxYoungGenerationSizeMb: 64 } });
  }
  run(job: Job): Promise<RunResult> {
    return new Promise((resolve, reject) => {
      const worker = this.#worker;
      const answered = (result: RunResult): void => {
        worker.off('error', reject);
        resolve(result);
      };
      worker.once('message', answered);
      worker.once('error', reject);
      worker.postMessage(job);
    });
  }
  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}
