import type { Metadata } from 'next';
import { Suspense } from 'react';
import { AppFrame } from '@/components/features/frame/app-frame';
import { NotFoundPage } from '@/components/features/frame/not-found-page';
import { ConsoleProviders } from '@/components/providers/console-providers';

export const metadata: Metadata = { title: 'Not found' };

/** Answered with status 404 for every address that no page has; brings the console's frame along, which no layout does here. */
export default function NotFound() {
  return (
    <ConsoleProviders>
      <Suspense>
        <AppFrame>
          <NotFoundPage />
        </AppFrame>
      </Suspense>
    </ConsoleProviders>
  );
}
