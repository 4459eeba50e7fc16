/**
 * What a caller's statement may not be: the branch's transaction belongs to the coordinator. Only the first words count: a resource manager gets one statement per
 * message, and what hides behind one (a procedure that commits) is refused by PostgreSQL inside a transaction block. The text is read as PostgreSQL reads it and as
 * MariaDB does, and each reading must be harmless: they differ in where a comment ends.
 */

type Dialect = { readonly nested: boolean; readonly line: RegExp };

const dialects: readonly Dialect[] = [
  { nested: true, line: /^--[^\r\n]*/ },
  { nested: false, line: /^(?:--|#)[^\n]*/ },
];

const control = new Set(['begin', 'start', 'commit', 'end', 'abort', 'prepare', 'xa']);
/** What runs other statements inside: EXECUTE IMMEDIATE, SET STATEMENT … FOR, compound statements of MariaDB. */
const carriers = new Set(['execute', 'if', 'case', 'loop', 'while', 'repeat', 'for']);

/** Why it is refused; null: it may run. A procedure of MariaDB may hold XA statements, one of PostgreSQL can't commit inside a transaction block. */
export function refusedStatement(text: string, server: 'postgresql' | 'mariadb'): string | null {
  for (const dialect of dialects) {
    const words = wordsIn(text, 3, dialect);
    const refused = server === 'mariadb' && words[0] === 'call' ? carried('CALL') : refusedWords(words);
    if (refused !== null) return refused;
  }
  return null;
}

function refusedWords([first = '', second = '', third = '']: readonly string[]): string | null {
  if (first === '') return 'The statement is empty.';
  if (first === executableComment) return 'A statement can’t begin with a comment that MariaDB executes.';
  if (first === 'rollback') {
    const toSavepoint = second === 'to' || (third === 'to' && (second === 'work' || second === 'transaction'));
    return toSavepoint ? null : refusal('ROLLBACK');
  }
  if (first === 'copy') return 'COPY needs a session of one’s own: use a branch of mode application.';
  if (first === 'set' && second === 'statement') return carried('SET STATEMENT');
  if (carriers.has(first)) return carried(first.toUpperCase());
  return control.has(first) ? refusal(first.toUpperCase()) : null;
}

function refusal(what: string): string {
  return `The branch’s transaction is ended by prepare, commit and rollback of the global one: ${what} is refused.`;
}

function carried(what: string): string {
  return `${what} can run another statement inside, which could end the branch’s transaction: it is refused.`;
}

const executableComment = '/*!';

/** In lower case, past blanks and comments. */
function wordsIn(text: string, count: number, dialect: Dialect): readonly string[] {
  const words: string[] = [];
  let rest = text;
  while (words.length < count) {
    rest = afterComments(rest, dialect);
    if (/^\/\*M?!/.test(rest)) return [...words, executableComment];
    const word = /^[A-Za-z_]+/.exec(rest)?.[0];
    if (word === undefined) break;
    words.push(word.toLowerCase());
    rest = rest.slice(word.length);
  }
  return words;
}

/** An executable comment is none for MariaDB; PostgreSQL passes it over. */
function afterComments(text: string, dialect: Dialect): string {
  let rest = text;
  for (;;) {
    rest = rest.replace(/^[\s;(]+/, '');
    const line = dialect.line.exec(rest)?.[0];
    if (line !== undefined) rest = rest.slice(line.length);
    else if (rest.startsWith('/*') && (dialect.nested || !/^\/\*M?!/.test(rest)))
      rest = rest.slice(blockCommentLength(rest, dialect.nested));
    else return rest;
  }
}

function blockCommentLength(text: string, nested: boolean): number {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if (text.startsWith('/*', at) && (nested || depth === 0)) {
      depth++;
      at++;
    } else if (text.startsWith('*/', at)) {
      depth--;
      if (depth === 0) return at + 2;
      at++;
    }
  }
  return text.length;
}
