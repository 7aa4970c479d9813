import { queryOptions } from '@tanstack/react-query';
import { call } from '@/platform/api/client';
import type {
  CreatedInvitation,
  CreateInvitation,
  DeviceSession,
  Invitation,
  Page,
  Settings,
  UpdateSettings,
  User,
} from '@/platform/api/types';
import { keys } from '@/platform/query/keys';

/** The devices on which this person is signed in. */
export const deviceSessionsQuery = queryOptions({
  queryKey: keys.deviceSessions,
  queryFn: async ({ signal }) =>
    (await call<Page<DeviceSession>>('/auth/sessions', { query: { limit: 200 }, signal })).items,
});

/** The instance's settings. */
export const settingsQuery = queryOptions({
  queryKey: keys.settings,
  queryFn: ({ signal }) => call<Settings>('/settings', { signal }),
});

/** The invitations that were made. */
export const invitationsQuery = queryOptions({
  queryKey: keys.invitations,
  queryFn: async ({ signal }) =>
    (await call<Page<Invitation>>('/invitations', { query: { limit: 200 }, signal })).items,
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

/** Changes the instance's settings. */
export const updateSettings = (change: UpdateSettings) =>
  call<Settings>('/settings', { method: 'PATCH', body: change });

/** Makes an invitation; its code is shown this once. */
export const createInvitation = (body: CreateInvitation) =>
  call<CreatedInvitation>('/invitations', { method: 'POST', body });

/** Takes an invitation back. */
export const revokeInvitation = (id: string) =>
  call<void>(`/invitations/${id}`, { method: 'DELETE' });
