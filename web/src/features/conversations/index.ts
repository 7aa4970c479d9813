export {
  conversationQuery,
  conversationsQuery,
  createConversation,
  deleteConversation,
  exportConversation,
  invalidateLists,
  restoreConversation,
  searchQuery,
  updateConversation,
} from './api';
export { useConversationActions } from './hooks';
export { ConversationList, ExcerptText, SearchResults } from './list';
export { changeHandler } from './live';
export { groupConversations } from './model';
