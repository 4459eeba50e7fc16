'use client';

/** A page that crashed: says so, keeps the rest of the console usable, offers to try again. */
export default function PageError({ error, reset }: { error: Error & { digest?: string }; reset: () => void }) {
  return (
    <main className="mx-auto max-w-xl p-8" role="alert">
      <h1 className="mb-1 font-semibold text-[1.45rem]">This page failed to draw</h1>
      <p className="mb-3 text-muted">
        The cluster is not affected. {error.message}
        {error.digest ? ` (${error.digest})` : ''}
      </p>
      <button type="button" className="rounded-md border border-line bg-panel px-3 py-1" onClick={reset}>
        Try again
      </button>
    </main>
  );
}
