'use client';
/** A page, or a part of one, that takes a role: others are told which one, under the page's own title, and nothing is asked of the server. */
import type { ReactNode } from 'react';
import { ForbiddenState } from '../../feedback/states';
import { useRoleReason } from '../../providers/session';
import type { Role } from '../../providers/wire';
import { PageHeader } from '../../ui/panel';

export function ForRole({
  needs,
  what,
  title,
  children,
}: {
  readonly needs: Role;
  /** As in "You can't see the audit log": `the audit log`. */
  readonly what: string;
  /** Of the page, where this is a whole one. */
  readonly title?: string;
  readonly children: ReactNode;
}) {
  const reason = useRoleReason(needs);
  if (reason === null) return children;
  return (
    <>
      {title ? <PageHeader title={title} /> : null}
      <ForbiddenState what={what} needs={needs} />
    </>
  );
}
