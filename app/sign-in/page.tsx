import type { Metadata } from 'next';
import { Suspense } from 'react';
import { SignInPage } from '@/components/features/sign-in/sign-in-page';
import { ConsoleProviders } from '@/components/providers/console-providers';

export const metadata: Metadata = { title: 'Sign in' };

export default function Page() {
  return (
    <ConsoleProviders>
      <Suspense>
        <SignInPage />
      </Suspense>
    </ConsoleProviders>
  );
}
