'use client';
/** "Copy as curl / GraphQL / CLI": the same call, for a script, made from the API's own document, which is asked for when somebody copies. */
import { Terminal } from 'lucide-react';
import { toast } from 'sonner';
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

async function textOf(call: ApiCall | ProcedureCall, form: keyof CallForms): Promise<string> {
  const { origin } = window.location;
  // curl needs no document where the address is known.
  if (form === 'curl' && 'path' in call) return curlCommand(origin, call);
  const text = callForms(await apiDocument(), call, origin)?.[form];
  if (!text) throw new Error('the API’s document does not know this call');
  return text;
}

const forms = [
  { id: 'curl', label: 'Copy as curl', told: 'Copied as curl' },
  { id: 'graphql', label: 'Copy as GraphQL', told: 'Copied as GraphQL' },
  { id: 'cli', label: 'Copy as CLI (rustydbctl)', told: 'Copied as a rustydbctl command' },
] as const;

async function copy(call: ApiCall | ProcedureCall, { id, told }: (typeof forms)[number]): Promise<void> {
  try {
    const text = await textOf(call, id);
    if (!(await copyText(text))) throw new Error('the browser does not let the page write to the clipboard');
    const needed = neededBy(id, text);
    toast.success(told, needed === null ? {} : { description: needed });
  } catch (error) {
    toast.error('Could not copy it', { description: error instanceof Error ? error.message : String(error) });
  }
}

/** What must be set where the text is run. */
function neededBy(form: keyof CallForms, text: string): string | null {
  if (form === 'graphql')
    return text.includes('\n# variables\n') ? 'Its variables stand in a comment at the end.' : null;
  const variables = new Set(['RUSTYDB_API_KEY', ...[...text.matchAll(/"\$([A-Z_]+)"/g)].map((found) => found[1]!)]);
  return `It reads ${[...variables].join(' and ')} from the environment.`;
}

export function CopyAs({
  call,
  label = null,
  disabledReason = null,
}: {
  readonly call: ApiCall | ProcedureCall;
  /** Where there is room for words beside the icon. */
  readonly label?: string | null;
  /** Why there is nothing to copy yet. */
  readonly disabledReason?: string | null;
}) {
  const button = (
    <Button
      variant="ghost"
      size={label === null ? 'sm' : 'md'}
      aria-label="Copy as curl, GraphQL or CLI"
      tip={label === null ? 'Copy as curl, GraphQL or CLI' : null}
      disabledReason={disabledReason}
    >
      <Terminal aria-hidden />
      {label}
    </Button>
  );
  if (disabledReason !== null) return button;
  return (
    <Menu
      label="Copy as"
      trigger={button}
      items={forms.map((form) => ({ id: form.id, label: form.label, onSelect: () => void copy(call, form) }))}
    />
  );
}
