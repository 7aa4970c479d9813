export { TokensPage } from './page';
