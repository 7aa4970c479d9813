import { queryOptions } from '@tanstack/react-query';
import { call } from '@/platform/api/client';
import type {
  CreatedInvitation,
  CreateInvitation,
  Invitation,
  Settings,
  UpdateSettings,
} from '@/platform/api/types';
import { keys } from '@/platform/query/keys';
import { pagesQuery } from '@/platform/query/pages';

/** The instance's settings. */
export const settingsQuery = queryOptions({
  queryKey: keys.settings,
  queryFn: ({ signal }) => call<Settings>('/settings', { signal }),
});

/** The invitations that were made, newest first. */
export const invitationsQuery = pagesQuery<Invitation>(keys.invitations, '/invitations');

/** Changes the instance's settings. */
export const updateSettings = (change: UpdateSettings) =>
  call<Settings>('/settings', { method: 'PATCH', body: change });

/** Makes an invitation; its code is shown this once. */
export const createInvitation = (body: CreateInvitation) =>
  call<CreatedInvitation>('/invitations', { method: 'POST', body });

/** Takes an invitation back. */
export const revokeInvitation = (id: string) =>
  call<void>(`/invitations/${id}`, { method: 'DELETE' });
