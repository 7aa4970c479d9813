export { HistoryPage } from './page';
