/**
 * One question, several who can answer it: asked of one at a time, of the next as well when the one before is silent for a while (a hedged request,
 * Dean and Barroso, "The Tail at Scale", 2013). Invariant: a silent one costs `patienceMs`, whatever its own time-out.
 */
export type Answer<C, T> = { readonly from: C; readonly value: T };

/** The first that is no error; @throws the last error when all have failed, what `none` makes when there is nobody */
export function firstAnswer<C, T>(
  candidates: readonly C[],
  ask: (candidate: C) => Promise<T>,
  patienceMs: number,
  none: () => unknown,
): Promise<Answer<C, T>> {
  return new Promise((resolve, reject) => {
    let next = 0;
    let failed = 0;
    let done = false;
    let timer: NodeJS.Timeout | undefined;
    const askNext = () => {
      clearTimeout(timer);
      const candidate = candidates[next];
      if (done || candidate === undefined) return;
      next++;
      if (next < candidates.length) timer = setTimeout(askNext, patienceMs);
      ask(candidate).then(
        (value) => {
          done = true;
          clearTimeout(timer);
          resolve({ from: candidate, value });
        },
        (error: unknown) => {
          failed++;
          if (failed === candidates.length) reject(error);
          else askNext();
        },
      );
    };
    if (candidates.length === 0) reject(none());
    else askNext();
  });
}
