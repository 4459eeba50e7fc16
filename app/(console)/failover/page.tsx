import type { Metadata } from 'next';
import { FailoverPage } from '@/components/features/failover/failover-page';

export const metadata: Metadata = { title: 'Failover' };

export default function Page() {
  return <FailoverPage />;
}
