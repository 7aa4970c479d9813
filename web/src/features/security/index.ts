export { NotConfirmed, Reauthentication, useGuarded } from './reauthentication';
export { SecurityControls } from './security';
export { useToldErrors } from './told-errors';
