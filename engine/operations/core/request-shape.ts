/**
 * What a request of each kind must hold before it is planned. Requests come over the wire and out of the journal, from other releases too, so the
 * compiler's word is not enough. Invariant: a request without what its planner reads is refused in words and reaches no planner.
 */
import type { Reason } from '../../kernel/errors';
import type { OperationRequest } from '../model';
import type { Shape } from './operation-kind';
import { rulesOf } from './operation-kinds';
import { emptyPlan, type Plan } from './plan-model';

const words: Readonly<Record<Shape, string>> = {
  text: 'a text',
  flag: 'true or false',
  names: 'a list of names',
  map: 'names with a value each',
  object: 'an object',
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const fits: Readonly<Record<Shape, (value: unknown) => boolean>> = {
  text: (value) => typeof value === 'string' && value !== '',
  flag: (value) => typeof value === 'boolean',
  names: (value) => Array.isArray(value) && value.every((one) => typeof one === 'string'),
  map: (value) => isObject(value) && Object.values(value).every((one) => one === null || typeof one === 'string'),
  object: isObject,
};

/** Empty: it can be planned. A kind that this release does not know has no shape; the dispatcher refuses it. */
export function shapeFaults(request: OperationRequest): readonly Reason[] {
  const fields = request as unknown as Readonly<Record<string, unknown>>;
  return Object.entries(rulesOf(request)?.holds ?? {}).flatMap(([field, wanted]) => {
    const value = fields[field];
    if (fits[wanted](value)) return [];
    const measured = `${field} is ${value === undefined ? 'absent' : JSON.stringify(value)}`;
    return [{ rule: 'request-complete', measured, limit: words[wanted], remedy: `Give ${field} as ${words[wanted]}.` }];
  });
}

export function refusedShape({ kind }: OperationRequest, reasons: readonly Reason[]): Plan {
  const message = `The request (${kind}) can't be planned: ${reasons.map((reason) => reason.measured).join('; ')}.`;
  return { ...emptyPlan, refusal: { code: 'INVALID_INPUT', clusterCode: null, message, reasons } };
}
