/** Every area of the engine: one line each. */
import type { MakeArea } from '../node/area';
import { xaArea } from '../xa/area';

export const areas: readonly MakeArea[] = [xaArea];
