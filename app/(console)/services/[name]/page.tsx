import type { Metadata } from 'next';
import { ServicePage } from '@/components/features/services/service-page';

type Props = { params: Promise<{ name: string }> };

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: decodeURIComponent((await params).name) };
}

export default async function Page({ params }: Props) {
  return <ServicePage name={decodeURIComponent((await params).name)} />;
}
