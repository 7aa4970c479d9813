export { conversationQuery, createConversation, invalidateLists, updateConversation } from './api';
export { useConversationActions } from './hooks';
export { ConversationList, SearchResults } from './list';
export { changeHandler } from './live';
