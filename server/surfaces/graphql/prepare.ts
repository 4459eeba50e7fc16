/** Parsing and validation, remembered per document text: clients send the same few documents over and over. */
import {
  type DocumentNode,
  type GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  parse,
  specifiedRules,
  validate,
} from 'graphql';
import { limitRule } from './limits';

const maxDocuments = 500;
const maxTokens = 5000;

export type Prepared =
  | { readonly ok: true; readonly document: DocumentNode }
  | { readonly ok: false; readonly errors: readonly GraphQLError[] };

export class DocumentCache {
  readonly #prepared = new Map<string, Prepared>();

  constructor(private readonly schema: GraphQLSchema) {}

  /** Introspection is for those who signed in. */
  prepare(text: string, introspection: boolean): Prepared {
    const key = `${introspection ? 'i' : '-'}${text}`;
    const known = this.#prepared.get(key);
    if (known) return known;
    const prepared = this.#prepare(text, introspection);
    if (text.length < 20_000) this.#prepared.set(key, prepared);
    if (this.#prepared.size > maxDocuments) this.#prepared.delete(this.#prepared.keys().next().value!);
    return prepared;
  }

  #prepare(text: string, introspection: boolean): Prepared {
    let document: DocumentNode;
    try {
      document = parse(text, { maxTokens });
    } catch (error) {
      return { ok: false, errors: [error as GraphQLError] };
    }
    const errors = this.check(document, introspection);
    return errors.length > 0 ? { ok: false, errors } : { ok: true, document };
  }

  check(document: DocumentNode, introspection: boolean): readonly GraphQLError[] {
    // Bounds first: validating a bomb is itself a cost.
    const bounds = validate(this.schema, document, [limitRule]);
    if (bounds.length > 0) return bounds;
    const rules = introspection ? specifiedRules : [...specifiedRules, NoSchemaIntrospectionCustomRule];
    return validate(this.schema, document, rules);
  }
}
