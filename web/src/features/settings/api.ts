import { queryOptions } from '@tanstack/react-query';
import { call } from '@/platform/api/client';
import type { DeviceSession, Page, User } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';

/** The devices on which this person is signed in. */
export const deviceSessionsQuery = queryOptions({
  queryKey: keys.deviceSessions,
  queryFn: async ({ signal }) =>
    (await call<Page<DeviceSession>>('/auth/sessions', { query: { limit: 200 }, signal })).items,
});

/** Changes the profile. */
export const updateProfile = (display_name: string) =>
  call<User>('/auth/me', { method: 'PATCH', body: { display_name } });

/** Changes the password; every other session ends. */
export const changePassword = (body: { current_password: string; new_password: string }) =>
  call<void>('/auth/password', { method: 'PUT', body });

/** Ends one session. */
export const endSession = (id: string) => call<void>(`/auth/sessions/${id}`, { method: 'DELETE' });

/** Ends every session but this one. */
export const endOtherSessions = () => call<void>('/auth/sessions', { method: 'DELETE' });
