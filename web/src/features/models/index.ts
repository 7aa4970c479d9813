export { modelsQuery } from './api';
export { ModelChoice } from './choice';
export { chooseModel, isForChat } from './model';
export { ModelList, ModelPicker } from './picker';
