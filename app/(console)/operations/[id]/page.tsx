import type { Metadata } from 'next';
import { OperationPage } from '@/components/features/operations/operation-page';

type Props = { params: Promise<{ id: string }> };

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: decodeURIComponent((await params).id) };
}

export default async function Page({ params }: Props) {
  return <OperationPage id={decodeURIComponent((await params).id)} />;
}
