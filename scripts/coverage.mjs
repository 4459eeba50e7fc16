// Coverage of one `npm test`, collected while the tests run: vitest measures its own processes, coverage-child.mjs those that run dist/ (started by
// the process tests and by the browser tests). Everything lies in the run's temporary directory.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mergeProcessCovs } from '@bcoe/v8-coverage';
import { convert } from 'ast-v8-to-istanbul';
import istanbul from 'istanbul-lib-coverage';
import { parseAstAsync } from 'vite';
import { judge, linesOf, mergeLines, sumLines } from './coverage-lines.mjs';
import { leastLines } from './coverage-scope.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

export class Coverage {
  #ofTests;
  #ofChildren;

  constructor(directory) {
    this.#ofTests = join(directory, 'coverage');
    this.#ofChildren = join(directory, 'children');
    mkdirSync(this.#ofTests);
    mkdirSync(this.#ofChildren);
  }

  vitestArguments(project) {
    return ['--coverage.enabled', `--coverage.reportsDirectory=${join(this.#ofTests, project)}`];
  }

  childEnvironment() {
    const loader = new URL('./coverage-child.mjs', import.meta.url);
    loader.searchParams.set('into', this.#ofChildren);
    return { NODE_OPTIONS: [process.env.NODE_OPTIONS, `--import=${loader.href}`].filter(Boolean).join(' ') };
  }

  /** `{text, tooLittle}`: see judge(). */
  async verdict() {
    const map = istanbul.createCoverageMap({});
    for (const project of readdirSync(this.#ofTests))
      map.merge(json(join(this.#ofTests, project, 'coverage-final.json')));
    const lines = mergeLines(linesOf(map), await this.#childrenLines());
    return judge(sumLines(lines, root), leastLines);
  }

  async #childrenLines() {
    const byBundle = new Map();
    for (const file of readdirSync(this.#ofChildren)) {
      const dump = json(join(this.#ofChildren, file));
      const bundle = fileURLToPath(dump.result[0].url);
      byBundle.set(bundle, [...(byBundle.get(bundle) ?? []), dump]);
    }
    const measured = [];
    for (const [bundle, dumps] of byBundle) {
      const code = readFileSync(bundle, 'utf8');
      const { result } = mergeProcessCovs(dumps);
      const map = await convert({
        code,
        ast: parseAstAsync(code),
        sourceMap: { ...json(`${bundle}.map`), file: basename(bundle) },
        coverage: { url: result[0].url, functions: result[0].functions },
        wrapperLength: 0,
      });
      measured.push(linesOf(map));
      console.log(`coverage: ${basename(bundle)} measured in ${dumps.length} processes`);
    }
    return measured;
  }
}

function json(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}
