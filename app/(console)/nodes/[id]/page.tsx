import type { Metadata } from 'next';
import { NodePage } from '@/components/features/nodes/node-page';

type Props = { params: Promise<{ id: string }> };

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: decodeURIComponent((await params).id) };
}

export default async function Page({ params }: Props) {
  return <NodePage id={decodeURIComponent((await params).id)} />;
}
