'use client';
/** "Copy as curl / GraphQL": the same call, for a script. */
import { Terminal } from 'lucide-react';
import { Button } from './button';
import { copyText } from './code';
import { curlCommand } from './curl';
import { Menu } from './menu';

export type ApiCall = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below /api/v1. */
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly graphql?: string;
};

export function CopyAs({ call }: { readonly call: ApiCall }) {
  const graphql = call.graphql;
  return (
    <Menu
      label="Copy as"
      trigger={
        <Button variant="ghost" size="sm" aria-label="Copy as curl or GraphQL">
          <Terminal aria-hidden />
        </Button>
      }
      items={[
        { id: 'curl', label: 'Copy as curl', onSelect: () => void copyText(curlCommand(window.location.origin, call)) },
        ...(graphql === undefined
          ? []
          : [{ id: 'graphql', label: 'Copy as GraphQL', onSelect: () => void copyText(graphql) }]),
      ]}
    />
  );
}
