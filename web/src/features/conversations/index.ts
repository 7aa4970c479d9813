export {
  conversationQuery,
  conversationsQuery,
  createConversation,
  defaultsQuery,
  deleteConversation,
  exportConversation,
  invalidateLists,
  restoreConversation,
  searchQuery,
  updateConversation,
  updateDefaults,
} from './api';
export { useConversationActions } from './hooks';
export { ConversationList, ExcerptText, SearchResults } from './list';
export { changeHandler } from './live';
export { groupConversations } from './model';
