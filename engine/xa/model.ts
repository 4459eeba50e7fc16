/** What every part of the product may know of the area. */
import type { AreaMethod } from '../runtime/core/area-methods';
import type { XaRequests } from './door';

/** A transaction spans groups: a key that is bound to some of them sees only what their own servers hold. */
export const xaMethods: Readonly<Record<keyof XaRequests, AreaMethod>> = {
  'xa.start': { effect: 'write', boundKeys: 'refused' },
  'xa.execute': { effect: 'write', boundKeys: 'refused' },
  'xa.end': { effect: 'write', boundKeys: 'refused' },
  'xa.prepare': { effect: 'write', boundKeys: 'refused' },
  'xa.commit': { effect: 'write', boundKeys: 'refused' },
  'xa.rollback': { effect: 'write', boundKeys: 'refused' },
  'xa.forget': { effect: 'write', boundKeys: 'refused' },
  'xa.get': { effect: 'read', boundKeys: 'refused' },
  'xa.list': { effect: 'read', boundKeys: 'refused' },
  'xa.decisions': { effect: 'read', boundKeys: 'refused' },
  'xa.stats': { effect: 'read', boundKeys: 'refused' },
  'xa.managers': { effect: 'read', boundKeys: 'refused' },
  'xa.manager.register': { effect: 'write', boundKeys: 'refused' },
  'xa.manager.remove': { effect: 'write', boundKeys: 'refused' },
  'xa.prepared.outside': { effect: 'read', boundKeys: 'refused' },
  'xa.prepared': { effect: 'read', boundKeys: 'their nodes' },
  'xa.branch.end': { effect: 'write', boundKeys: 'refused' },
};
