import type { ConversationFilter } from '../api/types';

/** Every key of the query cache: nobody writes one by hand elsewhere. */
export const keys = {
  instance: ['instance'] as const,
  settings: ['settings'] as const,
  invitations: ['invitations'] as const,
  signInOptions: ['sign-in-options'] as const,
  security: ['security'] as const,
  apiKeys: ['api-keys'] as const,
  deviceSessions: ['device-sessions'] as const,
  models: ['models'] as const,
  nodes: ['nodes'] as const,
  conversationLists: ['conversations'] as const,
  conversations: (filter: ConversationFilter) => ['conversations', filter] as const,
  conversation: (id: string) => ['conversation', id] as const,
  messages: (id: string) => ['messages', id] as const,
  searches: ['search'] as const,
  search: (text: string, limit: number) => ['search', text, limit] as const,
  usage: (from: string, to: string) => ['usage', from, to] as const,
  ownBudgets: ['own-budgets'] as const,
  apiDocument: ['api-document'] as const,
  guide: (locale: string) => ['guide', locale] as const,
  serverThere: ['server-there'] as const,
  blob: (id: string) => ['blob', id] as const,
};
