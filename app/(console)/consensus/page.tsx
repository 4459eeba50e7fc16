import type { Metadata } from 'next';
import { ConsensusPage } from '@/components/features/consensus/consensus-page';

export const metadata: Metadata = { title: 'Consensus' };

export default function Page() {
  return <ConsensusPage />;
}
