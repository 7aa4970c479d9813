export { ClusterPage } from './page';
