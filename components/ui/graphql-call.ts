/**
 * A call as a GraphQL document that runs as it is pasted: the input stands in it as values. Only secrets, and data whose keys are no GraphQL names,
 * stay variables; what they are is said in a comment below. Pure.
 */
type Source = {
  /** With every argument as a variable, as the API's document gives it. */
  readonly document: string;
  readonly style: 'input' | 'flat';
  readonly input: Readonly<Record<string, unknown>>;
  readonly secrets: readonly string[];
};

type Argument = { readonly text: string; readonly variables: Readonly<Record<string, unknown>> };

export function graphqlCall({ document, style, input, secrets }: Source): string {
  const parts = /^(\w+ \w+)(?:\((.*)\))? \{\n {2}(\w+)(?:\(.*\))?([\s\S]*)$/.exec(document);
  if (parts === null) return document;
  const [, head, declared = '', field, rest] = parts;
  const types = new Map(declared.split(', ').map((one) => one.slice(1).split(': ') as [string, string]));
  const given: readonly (readonly [string, Argument])[] =
    style === 'input'
      ? [['input', objectArgument('input', input, secrets)]]
      : Object.entries(input).map(([key, value]) => [key, argument(key, asTyped(value, types.get(key)), secrets)]);
  const variables = Object.assign({}, ...given.map(([, one]) => one.variables)) as Record<string, unknown>;
  const declarations = Object.keys(variables).map((name) => `$${name}: ${types.get(name) ?? 'String!'}`);
  const args = given.map(([name, one]) => `${name}: ${one.text}`);
  const note = declarations.length === 0 ? '' : `# variables\n# ${JSON.stringify(variables)}\n`;
  return `${head}${inParentheses(declarations)} {\n  ${field}${inParentheses(args)}${rest}${note}`;
}

/** What stood in an address is text; GraphQL wants a number or a truth value where its type says so. */
function asTyped(value: unknown, type: string | undefined): unknown {
  if (typeof value !== 'string') return value;
  if (/^(Int|Float)\b/.test(type ?? '')) return Number(value);
  return /^Boolean\b/.test(type ?? '') ? value === 'true' : value;
}

function inParentheses(parts: readonly string[]): string {
  return parts.length === 0 ? '' : `(${parts.join(', ')})`;
}

function argument(key: string, value: unknown, secrets: readonly string[]): Argument {
  if (secrets.includes(key)) return { text: `$${key}`, variables: { [key]: `<${key}>` } };
  const text = literal(value);
  return text === null ? { text: `$${key}`, variables: { [key]: value } } : { text, variables: {} };
}

function objectArgument(name: string, input: Source['input'], secrets: readonly string[]): Argument {
  const members = Object.entries(input).map(([key, value]) => ({ key, value: argument(key, value, secrets) }));
  // A variable for a part would need the part's type, which the document does not give: then the whole is one.
  if (members.some(({ key, value }) => value.text === `$${key}` && !secrets.includes(key))) {
    const shown = Object.entries(input).map(([key, value]) => [key, secrets.includes(key) ? `<${key}>` : value]);
    return { text: `$${name}`, variables: { [name]: Object.fromEntries(shown) } };
  }
  return {
    text: `{ ${members.map(({ key, value }) => `${key}: ${value.text}`).join(', ')} }`,
    variables: Object.assign({}, ...members.map(({ value }) => value.variables)),
  };
}

/** Null: not every key is a name, so it can't be written down. */
function literal(value: unknown): string | null {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) {
    const items = value.map(literal);
    return items.includes(null) ? null : `[${items.join(', ')}]`;
  }
  const members = Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .map(([key, one]) => ({ key, text: /^[_A-Za-z]\w*$/.test(key) ? literal(one) : null }));
  if (members.some(({ text }) => text === null)) return null;
  return `{ ${members.map(({ key, text }) => `${key}: ${text}`).join(', ')} }`;
}
