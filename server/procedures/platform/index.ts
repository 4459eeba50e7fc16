/** The procedures of `platform`: what this installation is. */
import { getInfo } from './get-info';

export const platform = {
  getInfo,
} as const;
