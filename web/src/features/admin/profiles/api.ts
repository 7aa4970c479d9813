import { queryOptions } from '@tanstack/react-query';
import { call } from '@/platform/api/client';
import type { EditProfile, ProfileList } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';

/** The profiles, and every name that can be asked for. */
export const profilesQuery = queryOptions({
  queryKey: keys.profiles,
  queryFn: ({ signal }) => call<ProfileList>('/profiles', { signal }),
});

/** Edits a profile; what is not said is as built in. */
export const editProfile = ({ id, body }: { id: string; body: EditProfile }) =>
  call<ProfileList>(`/profiles/${id}`, { method: 'PUT', body });

/** Makes a profile what it was built as. */
export const resetProfile = (id: string) =>
  call<ProfileList>(`/profiles/${id}`, { method: 'DELETE' });
