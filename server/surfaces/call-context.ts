/** What every surface knows of one call before it is authorised. */
import type { ProcedureContext } from '@/server/procedures/context';

export type CallContext = ProcedureContext;
