import { NotFoundPage } from '@/components/features/frame/not-found-page';

export default function NotFound() {
  return <NotFoundPage />;
}
