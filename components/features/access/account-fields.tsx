'use client';
/** What the forms about accounts have in common: roles in words, and the name that an account may have. */
import type { Role } from '../../providers/wire';
import { UserNameField } from '../../ui/credential-fields';
import { Field, Select } from '../../ui/input';

const roleOptions = [
  { value: 'viewer', label: 'Viewer: sees everything, changes nothing' },
  { value: 'operator', label: 'Operator: also acts on the cluster' },
  { value: 'admin', label: 'Admin: also force, users, keys, audit' },
] as const;

export function RoleField({
  value,
  onValue,
  ownReason = null,
}: {
  readonly value: Role;
  readonly onValue: (role: Role) => void;
  /** Why it can't be changed here. */
  readonly ownReason?: string | null;
}) {
  return (
    <Field label="Role" hint={ownReason ?? undefined}>
      {(ids) => (
        <Select
          {...ids}
          disabled={ownReason !== null}
          value={value}
          options={roleOptions}
          onChange={(event) => onValue(event.target.value as Role)}
        />
      )}
    </Field>
  );
}

export function NewUserNameField({
  value,
  onValue,
}: {
  readonly value: string;
  readonly onValue: (value: string) => void;
}) {
  return (
    <UserNameField
      autoFocus
      autoComplete="off"
      hint="Lower-case letters, digits and . _ @ -"
      value={value}
      onValue={onValue}
    />
  );
}
