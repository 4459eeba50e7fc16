/** Operations as commands see them: what must be one and is none is no success, and `--wait` never waits for what cannot end. */
import type { AnyDefinition } from '@/server/procedures/definition';
import { allProcedures } from '@/server/procedures/registry';
import { operation as operationSchema, operationState } from '@/server/procedures/shared/wire-operation';
import { CommandFailure, type Connection, call, noConsole, type Page } from './client';
import { exitCodes } from './exit-codes';
import { pause } from './pause';

export type WireOperation = {
  readonly id: string;
  readonly state: string;
  readonly error: { readonly code: string; readonly message: string; readonly reasons: readonly unknown[] } | null;
};

const finished = ['succeeded', 'failed', 'cancelled', 'compensated'];
const lookEveryMs = 250;

/** Null: the call answered its result at once. @throws CommandFailure when it had to be an operation */
export function operationOf(
  connection: Connection,
  definition: AnyDefinition,
  input: Readonly<Record<string, unknown>>,
  { answer, accepted }: Pick<Page, 'answer' | 'accepted'>,
): WireOperation | null {
  if (isOperation(answer)) return answer;
  const must = accepted || (definition.output === operationSchema && (!definition.legacy || input.dry_run === true));
  if (must) throw noConsole(connection, 'its answer is not the operation that this call starts');
  return null;
}

/** Its state when it has ended, or when the signal aborted. */
export async function toItsEnd(
  connection: Connection,
  started: WireOperation,
  signal: AbortSignal,
): Promise<WireOperation> {
  const get = allProcedures.find((one) => one.name === 'operations.get')!;
  let at = started;
  while (!finished.includes(at.state) && !signal.aborted) {
    await pause(lookEveryMs, signal);
    try {
      const answer = await call(connection, get, { id: started.id });
      if (!isOperation(answer)) throw noConsole(connection, `its answer is not the operation ${started.id}`);
      at = answer;
    } catch (error) {
      // The controller may just be moving; the operation goes on without us.
      if (!(error instanceof CommandFailure) || error.exitCode !== exitCodes.tryAgain) throw error;
    }
  }
  return at;
}

/** Why an operation did not do what it was started for, or would not. */
export function operationFailure(operation: WireOperation, exitCode: number): CommandFailure {
  const { error } = operation;
  if (error === null) return new CommandFailure(`The operation was ${operation.state}`, exitCode);
  const { code, message, reasons } = error;
  return new CommandFailure(message, exitCode, { code, message, details: { operation: operation.id, reasons } });
}

function isOperation(answer: unknown): answer is WireOperation {
  if (typeof answer !== 'object' || answer === null) return false;
  const { id, state, steps } = answer as Record<string, unknown>;
  return typeof id === 'string' && operationState.safeParse(state).success && Array.isArray(steps);
}
