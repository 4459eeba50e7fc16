import type { Metadata } from 'next';
import { RehearsalPage } from '@/components/features/rehearsal/rehearsal-page';

export const metadata: Metadata = { title: 'Rehearsal' };

export default function Page() {
  return <RehearsalPage />;
}
