/** The procedures of `users`: accounts of people. */
import { createUser } from './create-user';
import { deleteUser } from './delete-user';
import { listUsers } from './list-users';
import { updateUser } from './update-user';

export const users = {
  create: createUser,
  delete: deleteUser,
  list: listUsers,
  update: updateUser,
} as const;
