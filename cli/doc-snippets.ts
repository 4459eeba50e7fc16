/**
 * The snippets of a page of the documentation, for the tests that execute them. A block of sh, ts or sql is executed unless a comment right
 * above it says `not run:` and why; nothing is left out in silence. Pure.
 */

export type Snippet = {
  readonly line: number;
  readonly language: 'sh' | 'ts' | 'sql';
  readonly text: string;
  /** Why it is not executed. */
  readonly notRun: string | null;
  /** Defines what the commands of every page use. */
  readonly onEveryPage: boolean;
  /** File name and arguments of a program of its own. */
  readonly script: readonly [name: string, ...words: string[]] | null;
  /** What its output must fit. */
  readonly prints: RegExp | null;
  /** It goes on until it is interrupted, which is done when its output fits. */
  readonly until: RegExp | null;
};

const kinds = ['not run', 'on every page', 'script', 'prints', 'until'] as const;

/** @throws Error for a comment above a snippet that has no meaning or says nothing, and for a block that only its name would hide */
export function snippetsOf(page: string): readonly Snippet[] {
  const hidden = /^ *```(bash|shell|console|zsh|typescript|tsx|psql)\b/im.exec(page);
  if (hidden) throw new Error(`a block of "${hidden[1]}" is called sh, ts or sql here, so that it is executed`);
  const found = page.matchAll(/((?:^ *<!--.*-->\n)*)^( *)```(sh|ts|sql)\n([\s\S]*?)^\2```$/gm);
  return [...found].map((match) => {
    const [, comments = '', indent = '', language, text = ''] = match;
    const line = page.slice(0, match.index + comments.length).split('\n').length;
    const said = new Map([...comments.matchAll(/<!-- (.*) -->/g)].map(([, words = '']) => meaning(words, line)));
    const fits = (kind: 'prints' | 'until') => (said.has(kind) ? new RegExp(said.get(kind)!, 'ms') : null);
    return {
      line,
      language: language as Snippet['language'],
      text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
      notRun: said.get('not run') ?? null,
      onEveryPage: said.has('on every page'),
      script: (said.get('script')?.split(' ') as [string, ...string[]] | undefined) ?? null,
      prints: fits('prints'),
      until: fits('until'),
    };
  });
}

function meaning(comment: string, line: number): [string, string] {
  const kind = kinds.find((one) => comment === one || comment.startsWith(`${one}: `));
  const words = kind === undefined ? '' : comment.slice(kind.length + 2).trim();
  if (kind === undefined || (words === '' && kind !== 'on every page'))
    throw new Error(`line ${line}: "${comment}" means nothing above a snippet; known are ${kinds.join(', ')}`);
  return [kind, words];
}
