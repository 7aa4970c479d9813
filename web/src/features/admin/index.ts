export { BackupsPage } from './backups/page';
export { BudgetsPage } from './budgets/page';
export { GroupsPage } from './groups/page';
export { PricesPage } from './prices/page';
export { RegistrationPage } from './registration/page';
export { UsersPage } from './users/page';
