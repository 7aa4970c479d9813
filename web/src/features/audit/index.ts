export { AuditPage } from './page';
