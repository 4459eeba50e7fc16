/**
 * What a caller's statement may not be: the branch's transaction belongs to the coordinator. Only the first words count: a resource manager gets one statement per
 * message, and what hides behind one (a procedure that commits) is refused by the server inside a transaction block.
 */

const control = new Set(['begin', 'start', 'commit', 'end', 'abort', 'prepare', 'xa']);

/** Why it is refused; null: it may run. */
export function refusedStatement(text: string): string | null {
  const [first = '', second = '', third = ''] = firstWords(text, 3);
  if (first === '') return 'The statement is empty.';
  if (first === 'rollback') {
    const toSavepoint = second === 'to' || third === 'to';
    return toSavepoint
      ? null
      : 'The branch’s transaction is ended by prepare, commit and rollback of the global one: ROLLBACK is refused.';
  }
  if (first === 'copy') return 'COPY needs a session of one’s own: use a branch of mode application.';
  if (!control.has(first)) return null;
  return `The branch’s transaction is ended by prepare, commit and rollback of the global one: ${first.toUpperCase()} is refused.`;
}

/** In lower case, past blanks and comments; comments of SQL nest. */
export function firstWords(text: string, count: number): readonly string[] {
  const words: string[] = [];
  let rest = text;
  while (words.length < count) {
    rest = afterComments(rest);
    const word = /^[A-Za-z_]+/.exec(rest)?.[0];
    if (word === undefined) break;
    words.push(word.toLowerCase());
    rest = rest.slice(word.length);
  }
  return words;
}

function afterComments(text: string): string {
  let rest = text;
  for (;;) {
    rest = rest.replace(/^[\s;(]+/, '');
    if (rest.startsWith('--') || rest.startsWith('#')) rest = rest.replace(/^[^\n]*/, '');
    else if (rest.startsWith('/*')) rest = rest.slice(blockCommentLength(rest));
    else return rest;
  }
}

function blockCommentLength(text: string): number {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if (text.startsWith('/*', at)) depth++;
    else if (text.startsWith('*/', at) && --depth === 0) return at + 2;
  }
  return text.length;
}
