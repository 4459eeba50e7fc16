/** The procedures of distributed transactions: `xa`, and what of `cluster` speaks of prepared transactions. */
import { commit } from './commit-transaction';
import { endTransaction } from './end-cluster-transaction';
import { end } from './end-transaction';
import { execute } from './execute-statements';
import { forget } from './forget-transaction';
import { getRecovery } from './get-recovery';
import { get } from './get-transaction';
import { getTransactionStats } from './get-transaction-stats';
import { listTransactions } from './list-cluster-transactions';
import { listManagers } from './list-managers';
import { list } from './list-transactions';
import { prepare } from './prepare-transaction';
import { registerManager } from './register-manager';
import { removeManager } from './remove-manager';
import { rollback } from './rollback-transaction';
import { start } from './start-transaction';

export const xa = {
  start,
  execute,
  end,
  prepare,
  commit,
  rollback,
  forget,
  get,
  list,
  registerManager,
  listManagers,
  removeManager,
  getRecovery,
} as const;

export const clusterTransactions = { listTransactions, getTransactionStats, endTransaction } as const;
