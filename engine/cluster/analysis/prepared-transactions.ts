/** Prepared transactions that nobody ends hold locks, keep vacuum back, and in the end leave no room for others. */
import { isFresh } from '../../operations/core/snapshot';
import { finding, type GroupAnalyser } from './situation';

const oldSeconds = 300;
/** Of max_prepared_transactions. */
const fullShare = 0.8;

export const preparedTransactions: GroupAnalyser = (situation) => {
  const { primary, group, config } = situation;
  const found = primary !== null && isFresh(primary, config.leaseMs) ? primary.report!.postgres.prepared : null;
  if (!found || found.count === 0) return [];
  const { count, most, oldestSeconds, oldestGid, oldestDatabase } = found;
  const { name } = group.record;
  const problems = [];
  if ((oldestSeconds ?? 0) >= oldSeconds) {
    const ours = oldestGid?.startsWith('rustydb:') ?? false;
    problems.push(
      finding(situation, {
        rule: 'old-prepared-transaction',
        severity: 'warning',
        sentence: `${name} holds a transaction that was prepared ${Math.round((oldestSeconds ?? 0) / 60)} min ago (${oldestGid}): its locks stay, and vacuum removes nothing that it may see.`,
        remedy: ours
          ? 'It is ended once its coordinator group answers; Activity, Transactions tells what it waits for.'
          : `Whoever prepared it must end it: COMMIT PREPARED or ROLLBACK PREPARED with that name, in database ${oldestDatabase}.`,
      }),
    );
  }
  if (count >= most * fullShare) {
    problems.push(
      finding(situation, {
        rule: 'prepared-transactions-full',
        severity: 'warning',
        sentence: `${count} of ${most} prepared transactions are in use in ${name}: further ones are refused.`,
        remedy: 'End those that are in doubt, or raise max_prepared_transactions (a restart is needed).',
      }),
    );
  }
  return problems;
};
