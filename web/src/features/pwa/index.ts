export { OfflinePage } from './offline';
export { UpdatePrompt } from './update';
