/** The pages of administration, in the order of their links. */
export const ADMIN_PLACES = [
  { id: 'users', path: '/admin' },
  { id: 'registration', path: '/admin/registration' },
  { id: 'groups', path: '/admin/groups' },
  { id: 'access', path: '/admin/access' },
  { id: 'budgets', path: '/admin/budgets' },
  { id: 'limits', path: '/admin/limits' },
  { id: 'prices', path: '/admin/prices' },
  { id: 'profiles', path: '/admin/profiles' },
  { id: 'cluster', path: '/cluster' },
  { id: 'metrics', path: '/admin-metrics' },
  { id: 'tokens', path: '/token-monitoring' },
  { id: 'audit', path: '/audit' },
  { id: 'backups', path: '/admin/backups' },
] as const;

/** One page of administration. */
export type AdminPlace = (typeof ADMIN_PLACES)[number]['id'];
