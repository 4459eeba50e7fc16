'use client';
/** "Copy as curl / GraphQL / CLI": the same call, for a script, made from the API's own document, which is asked for when somebody copies. */
import { Terminal } from 'lucide-react';
import { Button } from './button';
import { type ApiCall, type ApiDocument, type CallForms, callForms, type ProcedureCall } from './call-forms';
import { copyText } from './code';
import { curlCommand } from './curl';
import { Menu } from './menu';

let known: Promise<ApiDocument> | null = null;

function apiDocument(): Promise<ApiDocument> {
  known ??= fetch('/api/v1/openapi.json').then((response) => {
    if (!response.ok) throw new Error(`the API's document: ${response.status}`);
    return response.json() as Promise<ApiDocument>;
  });
  known.catch(() => {
    known = null;
  });
  return known;
}

async function copy(call: ApiCall | ProcedureCall, form: keyof CallForms): Promise<void> {
  const { origin } = window.location;
  // curl needs no document where the address is known.
  if (form === 'curl' && 'path' in call) return void (await copyText(curlCommand(origin, call)));
  const text = callForms(await apiDocument(), call, origin)?.[form];
  if (text) await copyText(text);
}

const forms = [
  { id: 'curl', label: 'Copy as curl' },
  { id: 'graphql', label: 'Copy as GraphQL' },
  { id: 'cli', label: 'Copy as CLI (rustydbctl)' },
] as const;

export function CopyAs({ call }: { readonly call: ApiCall | ProcedureCall }) {
  return (
    <Menu
      label="Copy as"
      trigger={
        <Button variant="ghost" size="sm" aria-label="Copy as curl, GraphQL or CLI">
          <Terminal aria-hidden />
        </Button>
      }
      items={forms.map(({ id, label }) => ({ id, label, onSelect: () => void copy(call, id) }))}
    />
  );
}
