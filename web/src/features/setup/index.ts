export { SetupPage } from './setup';
