/** What the trail tells of, in the order of its areas. */
export const ACTIONS = [
  'user.login',
  'user.logout',
  'user.register',
  'user.create',
  'user.change',
  'user.email',
  'user.password',
  'user.password_reset',
  'user.reset_link',
  'user.reauthenticate',
  'user.second_factor',
  'user.export',
  'user.delete',
  'session.end',
  'session.token_reused',
  'second_factor.enable',
  'second_factor.disable',
  'backup_codes.replace',
  'passkey.add',
  'passkey.rename',
  'passkey.remove',
  'identity.link',
  'identity.unlink',
  'api_key.create',
  'api_key.update',
  'api_key.rotate',
  'api_key.revoke',
  'invitation.create',
  'invitation.revoke',
  'group.create',
  'group.update',
  'group.delete',
  'group.member_add',
  'group.member_role',
  'group.member_remove',
  'budget.create',
  'budget.change',
  'budget.delete',
  'price.set',
  'price.delete',
  'node.create',
  'node.update',
  'node.delete',
  'settings.change',
  'model_access.change',
  'limits.change',
  'profile.change',
  'profile.reset',
  'conversation.export',
  'backup.request',
  'backup.create',
  'backup.restore',
] as const;

const OUTCOMES = { success: 'success', failure: 'danger', denied: 'warning' } as const;

type Outcome = keyof typeof OUTCOMES;

/** How an outcome is called and coloured; one that we do not know is a failure. */
export function outcomeOf(name: string): { outcome: Outcome; kind: (typeof OUTCOMES)[Outcome] } {
  const outcome = name in OUTCOMES ? (name as Outcome) : 'failure';
  return { outcome, kind: OUTCOMES[outcome] };
}
