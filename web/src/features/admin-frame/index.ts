export { accountsQuery, useAccounts } from './accounts';
export { AdminPage } from './frame';
export { AdminList } from './list';
export { fromMicro, MONEY, microText, toCount, toMicro } from './money';
