/** The procedures of `auth`: signing in and out, and who the caller is. */
import { changePassword } from './change-password';
import { login } from './login';
import { logout } from './logout';
import { me } from './me';
import { reauthenticate } from './reauthenticate';
import { signInMethods } from './sign-in-methods';

export const auth = {
  changePassword,
  login,
  logout,
  me,
  methods: signInMethods,
  reauthenticate,
} as const;
