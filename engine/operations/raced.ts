/**
 * A step's work against its deadline and against being stopped. Whatever wins, the work's own end is listened to: a step that fails after it was
 * stopped must not end the process.
 */
import { ClusterError } from '../kernel/errors';
import type { Loop } from '../kernel/loop';

/** The effect's result, or the error of whichever came first: abort or deadline. The loser's later result is dropped. */
export function raced<T>(
  work: Promise<T>,
  signal: AbortSignal,
  limit: { ms: number; what: string; loop: Loop },
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const end = () => {
      timer.cancel();
      signal.removeEventListener('abort', aborted);
    };
    const aborted = () => {
      end();
      reject(new ClusterError('CONFLICT', `"${limit.what}" was stopped.`));
    };
    const timer = limit.loop.after(Math.max(1, limit.ms), () => {
      end();
      reject(new ClusterError('TIMEOUT', `"${limit.what}" took longer than its deadline.`));
    });
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
