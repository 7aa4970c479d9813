/** Every act that the server records, in the order of its areas; a test compares them. */
export const ACTIONS = [
  'user.login',
  'user.logout',
  'user.register',
  'user.change',
  'user.email',
  'user.password',
  'user.password_reset',
  'user.reset_link',
  'user.reauthenticate',
  'user.second_factor',
  'user.export',
  'user.delete',
  'guest.create',
  'guest.claim',
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
  'audit.export',
  'backup.request',
  'backup.create',
  'backup.restore',
  'import.create',
  'import.end',
  'import.cancel',
  'import.undo',
  'import.legacy',
] as const;

export type Action = (typeof ACTIONS)[number];

/** What acts are done to. */
export const KINDS = [
  'user',
  'session',
  'passkey',
  'identity',
  'api_key',
  'invitation',
  'group',
  'budget',
  'model',
  'node',
  'profile',
  'role',
  'limits',
  'settings',
  'conversation',
  'backup',
  'import',
] as const;

type Key<A> = A extends `${infer Area}.${infer Act}` ? `${Area}-${Act}` : never;

/** The act's name among the texts, where a point would part it. */
export const textKey = (action: Action): Key<Action> => action.replace('.', '-') as Key<Action>;

/** Whether the server's word for an act is one that has a name here. */
export const isAction = (word: string): word is Action => ACTIONS.some((known) => known === word);

/** How acts end, and how that looks. */
export const OUTCOMES = { success: 'success', failure: 'danger', denied: 'warning' } as const;

type Outcome = keyof typeof OUTCOMES;

/** How an outcome is called and coloured; one that we do not know is a failure. */
export function outcomeOf(name: string): { outcome: Outcome; kind: (typeof OUTCOMES)[Outcome] } {
  const outcome = name in OUTCOMES ? (name as Outcome) : 'failure';
  return { outcome, kind: OUTCOMES[outcome] };
}
