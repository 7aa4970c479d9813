export {
  conversationQuery,
  conversationsQuery,
  createConversation,
  invalidateLists,
  searchQuery,
  updateConversation,
} from './api';
export { useConversationActions } from './hooks';
export { ConversationList, SearchResults } from './list';
export { changeHandler } from './live';
export { groupConversations } from './model';
