export { modelsQuery } from './api';
export { ModelChoice } from './choice';
export { chooseModel } from './model';
export { ModelList, ModelPicker } from './picker';
