export { modelsQuery } from './api';
export { chooseModel } from './model';
export { ModelList, ModelPicker } from './picker';
