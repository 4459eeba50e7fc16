import { notFound } from 'next/navigation';

/** Every address that no page has: so that "not found" is said inside the console's frame, with status 404. */
export default function Page() {
  notFound();
}
