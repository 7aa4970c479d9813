export { SettingsPage } from './page';
