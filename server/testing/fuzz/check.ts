/** What no answer may be, whatever was asked: a 5xx, late, in another form than the one error body, or telling of the inside. */

export type FuzzAnswer = { readonly status: number; readonly text: string; readonly ms: number };

/** Longest an answer may take; calls that wait for an operation are asked for plans. */
export const hangMs = 5000;

const inside = [
  /\bat [^"]{0,100}(?:file:|node:|\/)[^" ]+:\d+:\d+/,
  /\/(?:work|home|root|tmp|usr)\//,
  /node_modules/,
  /\.(?:ts|mjs|js):\d+/,
  /(?:Type|Reference|Syntax|Range|Zod)Error/,
  /Cannot read propert|is not a function|undefined \(reading|Unexpected token/,
];

/** Null: nothing is wrong. `echo` is what was sent: an answer may repeat it. */
export function wrongWith(answer: FuzzAnswer, echo: string): string | null {
  if (answer.ms > hangMs) return `took ${Math.round(answer.ms)} ms`;
  if (answer.status >= 500 && !isUnavailable(answer)) return `answered ${answer.status}: ${answer.text.slice(0, 300)}`;
  if (answer.text.includes('"code":"INTERNAL"')) return `answered INTERNAL: ${answer.text.slice(0, 300)}`;
  const leak = inside.map((pattern) => pattern.exec(answer.text)?.[0]).find((found) => found && !echo.includes(found));
  const refused = answer.status >= 400 || answer.text.startsWith('{"errors"');
  if (leak !== undefined && refused) return `leaks ${JSON.stringify(leak)}: ${answer.text.slice(0, 300)}`;
  return null;
}

/** UNAVAILABLE is an answer: the recorded engine cannot do what is not recorded. A real defect is INTERNAL. */
function isUnavailable({ status, text }: FuzzAnswer): boolean {
  return status === 503 && text.includes('"UNAVAILABLE"');
}
