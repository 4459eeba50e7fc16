/** One line of the audit log: canonical JSON, chained by hash to the line before. Pure. */
import { createHash } from 'node:crypto';

export const genesis = '0'.repeat(64);

export type IntentFields = {
  readonly actor: string;
  readonly role: string | null;
  readonly clientAddress: string;
  readonly surface: string;
  readonly requestId: string;
  readonly procedure: string;
  readonly input: Readonly<Record<string, unknown>>;
};

export type OutcomeFields = {
  readonly outcome: 'succeeded' | 'refused' | 'failed' | 'unknown';
  readonly code: string | null;
  readonly message: string | null;
  readonly operationId: string | null;
  readonly durationMs: number | null;
};

export type ChainLine = {
  readonly sequence: number;
  readonly at: string;
  readonly previous: string;
  readonly hash: string;
} & (
  | ({ readonly kind: 'intent' } & IntentFields)
  | ({ readonly kind: 'outcome'; readonly of: number } & OutcomeFields)
  /** The end of the file was torn by a crash and cut; nothing acknowledged stood there. */
  | { readonly kind: 'cut'; readonly bytes: number }
);

export type LineContent =
  | ({ readonly kind: 'intent' } & IntentFields)
  | ({ readonly kind: 'outcome'; readonly of: number } & OutcomeFields)
  | { readonly kind: 'cut'; readonly bytes: number };

function digest(previous: string, body: string): string {
  return createHash('sha256').update(previous).update('\n').update(body).digest('hex');
}

/** The text of the next line and its hash. The hash covers everything else in the line and the hash before. */
export function encodeLine(
  content: LineContent,
  position: { readonly sequence: number; readonly at: string; readonly previous: string },
): { readonly text: string; readonly line: ChainLine } {
  const body = JSON.stringify({ ...position, ...content });
  const hash = digest(position.previous, body);
  return {
    text: `${body.slice(0, -1)},"hash":"${hash}"}\n`,
    line: JSON.parse(`${body.slice(0, -1)},"hash":"${hash}"}`),
  };
}

const tail = /,"hash":"([0-9a-f]{64})"\}$/;

/** Null when the line is not whole or not what its hash says. */
export function decodeLine(text: string, previous: string, sequence: number): ChainLine | null {
  const match = tail.exec(text);
  if (!match) return null;
  const body = `${text.slice(0, match.index)}}`;
  if (digest(previous, body) !== match[1]) return null;
  try {
    const line = JSON.parse(text) as ChainLine;
    return line.previous === previous && line.sequence === sequence ? line : null;
  } catch {
    return null;
  }
}
