import type { Metadata } from 'next';
import { FailoverWizard } from '@/components/features/failover/failover-wizard';

export const metadata: Metadata = { title: 'Plan a failover' };

export default function Page() {
  return <FailoverWizard />;
}
