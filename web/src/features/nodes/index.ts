export { nodesQuery } from './api';
export { ConnectNode } from './connect';
export { NodeList } from './list';
