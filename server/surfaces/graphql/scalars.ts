/** Scalars that GraphQL does not have: whole numbers beyond 2^31, moments, and data whose keys are data. */
import { GraphQLError, GraphQLScalarType, Kind, valueFromASTUntyped } from 'graphql';

function whole(value: unknown): number {
  const number = typeof value === 'string' && /^-?\d{1,16}$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number)) return number;
  throw new GraphQLError(`not a BigInt: ${JSON.stringify(value)}`);
}

export const bigIntScalar = new GraphQLScalarType({
  name: 'BigInt',
  description: 'A whole number up to 2^53',
  serialize: (value) => whole(typeof value === 'number' ? Math.round(value) : value),
  parseValue: whole,
  parseLiteral(node) {
    if (node.kind === Kind.INT || node.kind === Kind.STRING) return whole(node.value.toString());
    throw new GraphQLError('not a BigInt', { nodes: node });
  },
});

function moment(value: unknown): string {
  if (typeof value === 'string' && !Number.isNaN(Date.parse(value))) return value;
  throw new GraphQLError(`not a DateTime: ${JSON.stringify(value)}`);
}

/** REST's Unix seconds become ISO 8601 here; times that REST gives in ISO stay as they are. */
export const dateTimeScalar = new GraphQLScalarType({
  name: 'DateTime',
  description: 'ISO 8601, UTC',
  serialize: (value) => (typeof value === 'number' ? new Date(value * 1000).toISOString() : moment(value)),
  parseValue: moment,
  parseLiteral(node) {
    if (node.kind === Kind.STRING) return moment(node.value);
    throw new GraphQLError('not a DateTime', { nodes: node });
  },
});

export const jsonScalar = new GraphQLScalarType({
  name: 'JSON',
  description: 'Any JSON value',
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: (node, variables) => valueFromASTUntyped(node, variables),
});
