/** Distributed transactions, as an agent takes part in them (SPEC.md). */
import type { MakeArea } from '../node/area';

export const xaArea: MakeArea = () => ({ requests: {}, start: () => undefined, stop: async () => undefined });
