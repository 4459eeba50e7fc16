/** The procedures of `operations`: running and past operations. */
import { cancel } from './cancel-operation';
import { get } from './get-operation';
import { list } from './list-operations';

export const operations = {
  cancel,
  get,
  list,
} as const;
