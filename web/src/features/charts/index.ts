export { Chart } from './chart';
export type { Series } from './shape';
