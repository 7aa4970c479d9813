export {
  conversationQuery,
  conversationsQuery,
  createConversation,
  invalidateLists,
  type Narrowing,
  searchQuery,
  updateConversation,
} from './api';
export { type Act, useBulk } from './bulk';
export { useConversationActions } from './hooks';
export { inTurns } from './in-turns';
export { ConversationList, ExcerptText, SearchResults } from './list';
export { changeHandler } from './live';
export { groupConversations } from './model';
export { SelectionBar, useSelection } from './selection';
