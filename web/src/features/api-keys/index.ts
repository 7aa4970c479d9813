export { apiKeysQuery } from './api';
export { ApiKeysPage } from './page';
