'use client';
/** One query, all its states: skeleton, forbidden, error with retry, data; an error while old data is shown stays visible above it. */
import type { ReactNode } from 'react';
import { failureOf } from './failure';
import { ErrorPanel, ForbiddenState, NotFoundState, PartialNote } from './states';

type QueryLike<T> = {
  readonly data: T | undefined;
  readonly error: unknown;
  readonly isPending: boolean;
  readonly refetch: () => unknown;
};

export function QueryView<T>({
  query,
  what,
  needs = 'viewer',
  elsewhere,
  skeleton,
  children,
}: {
  readonly query: QueryLike<T>;
  /** As in "Could not load the nodes" and "You can't see the nodes": `the nodes`. */
  readonly what: string;
  readonly needs?: string;
  /** Where to look when there is no such thing; for pages of one thing. */
  readonly elsewhere?: ReactNode;
  readonly skeleton: ReactNode;
  readonly children: (data: T) => ReactNode;
}) {
  const failure = query.error ? failureOf(query.error) : null;
  if (failure?.code === 'FORBIDDEN') return <ForbiddenState what={what} needs={needs} />;
  if (failure?.code === 'NOT_FOUND' && elsewhere !== undefined) {
    return <NotFoundState what={what}>{elsewhere}</NotFoundState>;
  }
  if (query.data !== undefined) {
    return (
      <>
        {failure ? (
          <PartialNote>
            This is the last known state: {failure.message}{' '}
            <button type="button" className="underline" onClick={() => void query.refetch()}>
              Try again
            </button>
          </PartialNote>
        ) : null}
        {children(query.data)}
      </>
    );
  }
  if (failure) return <ErrorPanel what={`load ${what}`} failure={failure} onRetry={() => void query.refetch()} />;
  return <>{skeleton}</>;
}
