import Link from 'next/link';

export default function NotFound() {
  return (
    <main className="mx-auto max-w-md p-10">
      <h1 className="mb-1 font-semibold text-[1.45rem]">There is no such page</h1>
      <p className="text-muted">
        The address may come from another version of the console.{' '}
        <Link className="text-accent underline" href="/">
          Go to the overview
        </Link>
      </p>
    </main>
  );
}
