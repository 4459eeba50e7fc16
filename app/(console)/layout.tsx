import { type ReactNode, Suspense } from 'react';
import { AppFrame } from '@/components/features/frame/app-frame';
import { ConsoleProviders } from '@/components/providers/console-providers';

export default function ConsoleLayout({ children }: { children: ReactNode }) {
  return (
    <ConsoleProviders>
      <Suspense>
        <AppFrame>{children}</AppFrame>
      </Suspense>
    </ConsoleProviders>
  );
}
