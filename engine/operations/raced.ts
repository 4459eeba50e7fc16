/**
 * A step's work against its deadline and against being stopped. Whatever wins, the work's own end is listened to: a step that fails after it was
 * stopped must not end the process.
 */
import { ClusterError } from '../kernel/errors';

/** The effect's result, or the error of whichever came first: abort or deadline. The loser's later result is dropped. */
export function raced<T>(work: Promise<T>, signal: AbortSignal, limit: { ms: number; what: string }): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
    };
    const aborted = () => {
      end();
      reject(new ClusterError('CONFLICT', `"${limit.what}" was stopped.`));
    };
    const timer = setTimeout(
      () => {
        end();
        reject(new ClusterError('TIMEOUT', `"${limit.what}" took longer than its deadline.`));
      },
      Math.max(1, limit.ms),
    );
    work.then(
      (value) => {
        end();
        resolve(value);
      },
      (error: unknown) => {
        end();
        reject(error);
      },
    );
    if (signal.aborted) aborted();
    else signal.addEventListener('abort', aborted, { once: true });
  });
}
