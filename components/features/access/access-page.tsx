'use client';
import { PageHeader } from '../../ui/panel';
import { Tabs } from '../../ui/tabs';
import { ForRole } from '../frame/for-role';
import { ApiKeys } from './api-keys';
import { BreakGlassUses } from './break-glass-uses';
import { EverybodysSessions } from './console-sessions';
import { ForcePolicy } from './force-policy';
import { Invitations } from './invitations';
import { Lockouts } from './lockouts';
import { Users } from './users';

export function AccessPage() {
  return (
    <ForRole needs="admin" what="users and keys" title="Users & keys">
      <PageHeader
        title="Users & keys"
        sentence="People sign in with a password; programs use an API key. Viewers look, operators act, admins may also force and manage access."
      />
      <Tabs
        label="Users and keys"
        tabs={[
          { id: 'users', label: 'Users', content: <Users /> },
          { id: 'invitations', label: 'Invitations', content: <Invitations /> },
          { id: 'keys', label: 'API keys', content: <ApiKeys /> },
          { id: 'sessions', label: 'Sessions', content: <EverybodysSessions /> },
          { id: 'lockouts', label: 'Lockouts', content: <Lockouts /> },
          { id: 'break-glass', label: 'Break-glass', content: <BreakGlassUses /> },
          { id: 'force', label: 'Force', content: <ForcePolicy /> },
        ]}
      />
    </ForRole>
  );
}
