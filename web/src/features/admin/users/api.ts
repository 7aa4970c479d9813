import { call } from '@/platform/api/client';
import type { Account, ApiKey, PasswordResetLink, UpdateAccount } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';
import { pagesQuery } from '@/platform/query/pages';

/** An account's keys, newest first. */
export const accountKeysQuery = (id: string) =>
  pagesQuery<ApiKey>(keys.userKeys(id), `/users/${id}/api-keys`);

/** Changes a role, or whether one may sign in; their sessions end. */
export const updateAccount = ({ id, body }: { id: string; body: UpdateAccount }) =>
  call<Account>(`/users/${id}`, { method: 'PATCH', body });

/** Makes a link with which its owner sets a new password; shown this once. */
export const createResetLink = (id: string) =>
  call<PasswordResetLink>(`/users/${id}/password-reset`, { method: 'POST' });

/** Removes a lost authenticator app with its backup codes. */
export const removeSecondFactor = (id: string) =>
  call<void>(`/users/${id}/second-factor`, { method: 'DELETE' });

/** Takes an account's key back for good. */
export const revokeAccountKey = ({ id, key }: { id: string; key: string }) =>
  call<void>(`/users/${id}/api-keys/${key}`, { method: 'DELETE' });
