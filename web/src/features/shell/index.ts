export { AppShell } from './shell';
