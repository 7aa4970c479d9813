import { queryOptions } from '@tanstack/react-query';
import { call } from '@/platform/api/client';
import type { ModelAccess, RoleModels } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';

/** The models that each role allows. */
export const modelAccessQuery = queryOptions({
  queryKey: keys.modelAccess,
  queryFn: ({ signal }) => call<ModelAccess>('/model-access', { signal }),
});

/** Sets the models that a role allows. */
export const setRoleModels = ({ role, allowed_models }: RoleModels) =>
  call<ModelAccess>(`/model-access/${role}`, { method: 'PUT', body: { allowed_models } });
