import type { Metadata } from 'next';
import { FailoverRecordPage } from '@/components/features/failover/failover-record-page';

type Props = { params: Promise<{ id: string }> };

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: decodeURIComponent((await params).id) };
}

export default async function Page({ params }: Props) {
  return <FailoverRecordPage id={decodeURIComponent((await params).id)} />;
}
