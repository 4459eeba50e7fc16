/** The procedures of `gds`: global data services. */
import { getCredentials } from './get-credentials';
import { getRouting } from './get-routing';
import { getService } from './get-service';
import { getStats } from './get-stats';
import { listServices } from './list-services';

export const gds = {
  getCredentials,
  getRouting,
  getService,
  getStats,
  listServices,
} as const;
