export { AccountField } from './account-field';
export { accountsQuery, useAccountOf, useAccounts, useSettled } from './accounts';
export { AdminPage } from './frame';
export { AdminList } from './list';
export { fromMicro, MONEY, microText, toCount, toMicro } from './money';
