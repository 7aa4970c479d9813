export { MetricsPage } from './page';
