'use client';
/** An address that leads nowhere: says which, and offers the ways on that the reader has. */
import Link from 'next/link';
import { usePathname } from 'next/navigation';
import { NotFoundState } from '../../feedback/states';
import { useIdentity } from '../../providers/session';
import { Button } from '../../ui/button';
import { PageHeader } from '../../ui/panel';
import { visibleAreas } from './areas';
import { nearestAreas } from './nearest-areas';
import { useOpenPalette } from './palette-door';
import { useRehearsalEnabled } from './platform-info';

export function NotFoundPage() {
  const pathname = usePathname();
  const identity = useIdentity();
  const rehearsal = useRehearsalEnabled();
  const openPalette = useOpenPalette();
  const near = nearestAreas(visibleAreas(identity?.role ?? null, rehearsal), pathname);
  return (
    <>
      <PageHeader
        title="There is no such page"
        sentence="Nothing is wrong with the cluster: only this address leads nowhere."
      />
      <NotFoundState what={`a page at ${pathname}`}>
        <Button variant="primary" onClick={openPalette}>
          Search
        </Button>
        {near.map((area) => (
          <Button key={area.href} asChild>
            <Link href={area.href}>{area.label}</Link>
          </Button>
        ))}
        {near.some((area) => area.href === '/') ? null : (
          <Button asChild>
            <Link href="/">Overview</Link>
          </Button>
        )}
      </NotFoundState>
    </>
  );
}
