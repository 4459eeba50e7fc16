/**
 * Parsing, validation and bounds, remembered per document text: clients send the same few documents over and over. Invariant: what the
 * HTTP, SSE and WebSocket forms execute has passed here, and introspection is for those who signed in.
 */
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  NoSchemaIntrospectionCustomRule,
  type OperationDefinitionNode,
  parse,
  specifiedRules,
  validate,
} from 'graphql';
import { ClusterError } from '@/engine/kernel/errors';
import type { CallContext } from '../call-context';
import { maxCost, measureCost } from './cost';
import { invalidDocument } from './errors';
import { limitRule } from './limits';
import { subscriptionRule } from './subscription-rule';

/** Of all remembered texts together. A parsed document takes some fifty times the room of its text, and anybody may send one. */
const maxCharacters = 200_000;
const maxTokens = 5000;

type Prepared =
  | { readonly ok: true; readonly document: DocumentNode; readonly costDepends: boolean }
  | { readonly ok: false; readonly errors: readonly GraphQLError[] };

export type Admitted =
  | { readonly ok: true; readonly document: DocumentNode }
  | { readonly ok: false; readonly errors: readonly GraphQLError[] };

/** @throws INVALID_INPUT: the document has several and none is named, or another is */
export function requireOperation(document: DocumentNode, name: string | null | undefined): OperationDefinitionNode {
  const operation = getOperationAST(document, name);
  if (operation) return operation;
  throw new ClusterError('INVALID_INPUT', 'operationName: names no operation of the document');
}

export class DocumentCache {
  readonly #prepared = new Map<string, Prepared>();
  #characters = 0;

  constructor(private readonly schema: GraphQLSchema) {}

  /** What may run for this caller, or what is wrong with it, in the one set of codes. */
  admit(text: string, variables: Readonly<Record<string, unknown>>, context: CallContext): Admitted {
    const prepared = this.#known(text, context.identity.kind !== 'anonymous');
    if (!prepared.ok) {
      return { ok: false, errors: prepared.errors.map((error) => invalidDocument(error, context.requestId)) };
    }
    const dear = prepared.costDepends ? this.#tooDear(prepared.document, variables) : null;
    return dear ? { ok: false, errors: [invalidDocument(dear, context.requestId)] } : prepared;
  }

  #tooDear(document: DocumentNode, variables: Readonly<Record<string, unknown>>): GraphQLError | null {
    const { cost } = measureCost(this.schema, document, variables);
    if (cost <= maxCost) return null;
    return new GraphQLError(`The query may cost ${cost} points; the limit is ${maxCost}. Lower its limits or split it`);
  }

  #known(text: string, introspection: boolean): Prepared {
    const key = `${introspection ? 'i' : '-'}${text}`;
    const known = this.#prepared.get(key);
    if (known) return known;
    const prepared = this.#prepare(text, introspection);
    if (text.length < 20_000) this.#remember(key, prepared);
    return prepared;
  }

  #remember(key: string, prepared: Prepared): void {
    this.#prepared.set(key, prepared);
    this.#characters += key.length;
    for (const oldest of this.#prepared.keys()) {
      if (this.#characters <= maxCharacters) return;
      this.#prepared.delete(oldest);
      this.#characters -= oldest.length;
    }
  }

  #prepare(text: string, introspection: boolean): Prepared {
    let document: DocumentNode;
    try {
      document = parse(text, { maxTokens });
    } catch (error) {
      if (error instanceof GraphQLError) return { ok: false, errors: [error] };
      // The parser calls itself for each level.
      if (error instanceof RangeError)
        return { ok: false, errors: [new GraphQLError('The query is nested too deeply')] };
      throw error;
    }
    const errors = this.#check(document, introspection);
    if (errors.length > 0) return { ok: false, errors };
    const { dependsOnVariables } = measureCost(this.schema, document);
    const dear = dependsOnVariables ? null : this.#tooDear(document, {});
    return dear ? { ok: false, errors: [dear] } : { ok: true, document, costDepends: dependsOnVariables };
  }

  #check(document: DocumentNode, introspection: boolean): readonly GraphQLError[] {
    // Bounds first: validating a bomb is itself a cost.
    const bounds = validate(this.schema, document, [limitRule]);
    if (bounds.length > 0) return bounds;
    const own = [...specifiedRules, subscriptionRule];
    const rules = introspection ? own : [...own, NoSchemaIntrospectionCustomRule];
    // "Did you mean …" would tell the schema to those who may not ask for it.
    return validate(this.schema, document, rules, { hideSuggestions: !introspection });
  }
}
