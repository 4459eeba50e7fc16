import type { Metadata } from 'next';
import { InvitationPage } from '@/components/features/sign-in/invitation-page';
import { ConsoleProviders } from '@/components/providers/console-providers';

export const metadata: Metadata = { title: 'Invitation', referrer: 'no-referrer' };

export default function Page() {
  return (
    <ConsoleProviders>
      <InvitationPage />
    </ConsoleProviders>
  );
}
