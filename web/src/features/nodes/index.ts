export { ConnectNode } from './connect';
export { NodeList } from './list';
