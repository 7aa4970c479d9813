import { call } from '@/platform/api/client';
import type { CreateGroup, Group, GroupMember, GroupRole, UpdateGroup } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';
import { pagesQuery } from '@/platform/query/pages';

/** All groups, oldest first. */
export const groupsQuery = pagesQuery<Group>(keys.groups, '/groups');

/** Who belongs to a group. */
export const membersQuery = (group: string) =>
  pagesQuery<GroupMember>(keys.groupMembers(group), `/groups/${group}/members`);

/** Makes a group. */
export const createGroup = (body: CreateGroup) => call<Group>('/groups', { method: 'POST', body });

/** Changes a group. */
export const updateGroup = ({ id, body }: { id: string; body: UpdateGroup }) =>
  call<Group>(`/groups/${id}`, { method: 'PATCH', body });

/** Removes a group; its members stay accounts. */
export const removeGroup = (id: string) => call<void>(`/groups/${id}`, { method: 'DELETE' });

/** Adds an account by its e-mail. */
export const addMember = ({ group, ...body }: { group: string; email: string; role: GroupRole }) =>
  call<GroupMember>(`/groups/${group}/members`, { method: 'POST', body });

/** Makes a member a manager, or the other way round. */
export const setMemberRole = ({
  group,
  user,
  role,
}: {
  group: string;
  user: string;
  role: GroupRole;
}) => call<GroupMember>(`/groups/${group}/members/${user}`, { method: 'PATCH', body: { role } });

/** Takes an account out of a group. */
export const removeMember = ({ group, user }: { group: string; user: string }) =>
  call<void>(`/groups/${group}/members/${user}`, { method: 'DELETE' });
