/** Every procedure of the product, one line for each area. The surfaces walk this table; a procedure that is not here does not exist. */

import { accessPolicy } from './access-policy';
import { apiKeys } from './api-keys';
import { approvals } from './approvals';
import { audit } from './audit';
import { auth } from './auth';
import { cluster } from './cluster';
import type { AnyDefinition } from './definition';
import { events } from './events';
import { gds } from './gds';
import { geo } from './geo';
import { invitations } from './invitations';
import { lockouts } from './lockouts';
import { operations } from './operations';
import { platform } from './platform';
import { rac } from './rac';
import { replication } from './replication';
import { sessions } from './sessions';
import { users } from './users';
import { view } from './view';
import { clusterTransactions, xa } from './xa';

export const procedures = {
  cluster: { ...cluster, ...clusterTransactions },
  gds,
  geo,
  operations,
  auth,
  apiKeys,
  accessPolicy,
  approvals,
  invitations,
  lockouts,
  sessions,
  users,
  platform,
  audit,
  events,
  view,
  rac,
  replication,
  xa,
} as const;

export type Procedures = typeof procedures;

export const allProcedures: readonly AnyDefinition[] = Object.values(procedures).flatMap(
  (area) => Object.values(area) as readonly unknown[] as readonly AnyDefinition[],
);
