export { DeveloperPage } from './page';
