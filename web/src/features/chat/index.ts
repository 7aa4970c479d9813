export { ChatPage } from './components/chat-page';
export { FirstQuestion } from './components/first-question';
export { connectRuns, outbox, queue, runs } from './engine';
