/** From a procedure's input schema to arguments and options of a command, and from what was typed back to an input. Pure. */
import { Argument, InvalidArgumentError, Option } from 'commander';
import type { AnyDefinition } from '@/server/procedures/definition';
import { describeField } from '@/server/procedures/shared/vocabulary';

type Schema = AnyDefinition['input'];
type Def = {
  readonly type: string;
  readonly shape?: Readonly<Record<string, Schema>>;
  readonly innerType?: Schema;
  readonly element?: Schema;
  readonly entries?: Readonly<Record<string, string>>;
  readonly options?: readonly Schema[];
};

const defOf = (schema: Schema) => schema._zod.def as unknown as Def;

function bare(schema: Schema): { readonly def: Def; readonly required: boolean } {
  let at = schema;
  let required = true;
  for (let inner = defOf(at).innerType; inner; inner = defOf(at).innerType) {
    if (['optional', 'default', 'prefault', 'nullable'].includes(defOf(at).type)) required = false;
    at = inner;
  }
  return { def: defOf(at), required };
}

/** Knows which words it takes, for completion; empty where any will do. */
export class InputOption extends Option {
  constructor(
    flags: string,
    description: string,
    readonly words: readonly string[],
  ) {
    super(flags, description);
  }
}

export type InputForm = {
  readonly keys: readonly string[];
  readonly arguments: Argument[];
  readonly options: Option[];
};

/** Keys of the path are arguments, in the path's order; everything else is an option. */
export function inputForm(definition: AnyDefinition): InputForm {
  const shape = defOf(definition.input).shape ?? {};
  const owner = (definition.input.meta() as { id?: string } | undefined)?.id;
  const inPath = [...definition.rest!.path.matchAll(/\{(\w+)\}/g)].map((found) => found[1]!);
  const describe = (key: string) => describeField(owner, key, shape[key]!) ?? '';
  return {
    keys: inPath,
    arguments: inPath.map((key) => new Argument(`<${kebab(key)}>`, describe(key)).argParser(parserOf(shape[key]!))),
    options: Object.entries(shape)
      .filter(([key]) => !inPath.includes(key))
      .map(([key, schema]) => optionOf(key, schema, describe(key))),
  };
}

function optionOf(key: string, schema: Schema, description: string): Option {
  const { def, required } = bare(schema);
  const value = def.type === 'boolean' ? ' [yes|no]' : def.type === 'array' ? ' <value,...>' : ` <${hintOf(def)}>`;
  const option = new InputOption(`--${kebab(key)}${value}`, description, wordsOf(def));
  option.argParser(parserOf(schema));
  if (def.type === 'boolean') option.preset('yes');
  if (required) option.makeOptionMandatory();
  return option;
}

/** Of a list, those of one element. */
function wordsOf(def: Def): readonly string[] {
  const { entries } = def.type === 'array' && def.element ? bare(def.element).def : def;
  return entries ? Object.values(entries) : [];
}

function hintOf(def: Def): string {
  if (def.entries) return Object.values(def.entries).join('|');
  if (def.type === 'number') return 'number';
  return def.type === 'record' || def.type === 'object' ? 'json' : 'value';
}

function parserOf(schema: Schema): (text: string) => unknown {
  const { def } = bare(schema);
  if (def.type === 'number') return number;
  if (def.type === 'boolean') return yesOrNo;
  if (def.type === 'array') return (text) => (text.startsWith('[') ? json(text) : text.split(',').map(elementOf(def)));
  if (def.type === 'record' || def.type === 'object') return json;
  const allowed = def.entries ? Object.values(def.entries) : null;
  return (text) => {
    if (allowed && !allowed.includes(text)) throw new InvalidArgumentError(`One of ${allowed.join(', ')}.`);
    return text;
  };
}

function elementOf(def: Def): (text: string) => unknown {
  return def.element ? parserOf(def.element) : (text) => text;
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Not a number.');
  return value;
}

function yesOrNo(text: string): boolean {
  if (/^(yes|true)$/.test(text)) return true;
  if (/^(no|false)$/.test(text)) return false;
  throw new InvalidArgumentError('yes or no.');
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidArgumentError('Not valid JSON.');
  }
}

/** The input that the typed arguments and options make. */
export function inputFrom(
  form: InputForm,
  typedArguments: readonly unknown[],
  typedOptions: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const input: Record<string, unknown> = {};
  form.keys.forEach((key, index) => {
    input[key] = typedArguments[index];
  });
  for (const option of form.options) {
    const value = typedOptions[option.attributeName()];
    if (value !== undefined) input[option.long!.slice(2).replaceAll('-', '_')] = value;
  }
  return input;
}

function kebab(key: string): string {
  return key.replaceAll('_', '-');
}
