/** Builds the simulator with one mutation in the source and hunts with it until a checker objects. */
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Mutation } from './mutations';
import type { Aim, RunResult } from './run';

const control = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

export async function buildMutant(mutation: Mutation): Promise<(seed: number) => Promise<RunResult>> {
  const sources = new Map<string, string>();
  for (const { file, find, replace } of [mutation, ...(mutation.also ?? [])]) {
    const target = join(control, file);
    const source = sources.get(target) ?? readFileSync(target, 'utf8');
    if (source.split(find).length !== 2) throw new Error(`${mutation.name}: its text is not once in ${file}`);
    sources.set(
      target,
      source.replace(find, () => replace),
    );
  }
  const result = await build({
    entryPoints: [join(control, 'raft/sim/run.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
    plugins: [
      {
        name: 'mutation',
        setup(plugin) {
          plugin.onLoad({ filter: /\.ts$/ }, ({ path }) => {
            const contents = sources.get(path);
            return contents === undefined ? undefined : { contents, loader: 'ts' };
          });
        },
      },
    ],
  });
  const text = result.outputFiles[0]!.text;
  const module = await import(`data:text/javascript;base64,${Buffer.from(text).toString('base64')}`);
  const runSeed = module.runSeed as (seed: number, aim?: Aim) => Promise<RunResult>;
  return (seed) => runSeed(seed, mutation.aim);
}

export type Hunt = { readonly caughtBy: string; readonly seed: number; readonly runs: number } | null;

export async function hunt(mutation: Mutation, fromSeed: number, maxRuns: number): Promise<Hunt> {
  const run = await buildMutant(mutation);
  for (let at = 0; at < maxRuns; at++) {
    try {
      await run(fromSeed + at);
    } catch (error) {
      return { caughtBy: error instanceof Error ? error.message : String(error), seed: fromSeed + at, runs: at + 1 };
    }
  }
  return null;
}
