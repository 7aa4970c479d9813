export { ChatPage } from './components/chat-page';
export { FirstQuestion } from './components/first-question';
export { connectRuns, newOptions, outbox, queue, runs } from './engine';
