export { UsagePage } from './page';
