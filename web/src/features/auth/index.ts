export { instanceQuery, signInOptionsQuery, signOut } from './api';
export { RegisterForm } from './forms';
export { AuthFrame } from './frame';
export { Gate } from './gate';
export { LoginPage, RegisterPage } from './pages';
export { ResetPasswordPage } from './reset';
