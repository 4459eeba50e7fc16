'use client';
import { PageHeader } from '../../ui/panel';
import { Tabs } from '../../ui/tabs';
import { AccountSettings } from './account-settings';
import { AutomaticFailover } from './automatic-failover';
import { ClusterConfiguration } from './cluster-configuration';
import { HealthHistory } from './health-history';

export function SettingsPage() {
  return (
    <>
      <PageHeader title="Settings" sentence="Every value takes effect at once, without a restart, and survives one." />
      <Tabs
        label="Settings"
        tabs={[
          { id: 'cluster', label: 'Cluster', content: <ClusterConfiguration /> },
          { id: 'failover', label: 'Automatic failover', content: <AutomaticFailover /> },
          { id: 'health', label: 'Health history', content: <HealthHistory /> },
          { id: 'account', label: 'My account', content: <AccountSettings /> },
        ]}
      />
    </>
  );
}
