export { GuidePage } from './page';
