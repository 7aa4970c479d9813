export { Shortcuts } from './shortcuts';
