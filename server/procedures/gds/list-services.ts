/** The services that PostgreSQL clients connect to. */
import { z } from 'zod';
import { query } from '../definition';
import { paginate } from '../shared/page';
import { groupName, pageInput, pageOf } from '../shared/primitives';
import { askForServices } from './present';
import { globalService } from './wire';

export const listServices = query({
  name: 'gds.listServices',
  summary: 'List services',
  rest: { method: 'GET', path: '/gds/services' },
  graphql: { field: 'gdsServices' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({ ...pageInput, group: groupName.optional() }),
  output: pageOf(globalService),
  errors: ['INVALID_INPUT', 'UNAVAILABLE'],
  example: {},
  async handler({ input, context }) {
    const services = (await askForServices(context)).filter((one) => !input.group || one.group === input.group);
    return paginate(services, input, {
      list: 'gds.listServices',
      key: (service) => [service.service_name],
      direction: 1,
    });
  },
});
