export { ApiKeysPage } from './page';
