export { DesignPage } from './page';
