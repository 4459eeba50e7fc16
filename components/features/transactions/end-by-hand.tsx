'use client';
/** A heuristic outcome, for admins: first the server tells what would follow, then it is confirmed by name and done. */
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { ActionForm } from '../../feedback/action-form';
import { FormDialog } from '../../feedback/form-dialog';
import { useCalls } from '../../providers/calls';
import { useRoleReason } from '../../providers/session';
import { useTRPC } from '../../providers/trpc';
import type { ClusterTransaction, HeuristicOutcome } from '../../providers/wire';
import { Field, Input, Select } from '../../ui/input';
import { handReason } from './transaction-words';

const outcomes = [
  { value: 'rollback', label: 'Roll it back' },
  { value: 'commit', label: 'Commit it' },
] as const;

export function EndByHand({ row, gone }: { readonly row: ClusterTransaction; readonly gone: boolean }) {
  const role = useRoleReason('admin');
  if (role !== null) return null;
  return (
    <FormDialog
      label="End it by hand"
      variant="danger"
      procedure="cluster.endTransaction"
      title="End a prepared transaction by hand"
      description="Only where nothing happens by itself: other branches of its transaction may end otherwise."
      disabledReason={gone ? 'It has ended.' : handReason(row)}
    >
      {(close) => <EndForm row={row} close={close} />}
    </FormDialog>
  );
}

function EndForm({ row, close }: { readonly row: ClusterTransaction; readonly close: () => void }) {
  const calls = useCalls();
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  const [outcome, setOutcome] = useState<HeuristicOutcome['outcome']>(row.verdict === 'commit' ? 'commit' : 'rollback');
  const [reason, setReason] = useState('');
  const [shown, setShown] = useState<HeuristicOutcome | null>(null);
  const place = row.node === null ? { resource_manager: row.resource_manager } : { node: row.node };
  const input = { ...place, identifier: row.identifier, outcome, reason: reason.trim() };
  return (
    <ActionForm
      tone={shown === null ? 'primary' : 'danger'}
      what="end the transaction"
      submitLabel={shown === null ? 'Show what follows' : outcome === 'commit' ? 'Commit it' : 'Roll it back'}
      incomplete={input.reason === '' ? 'Say why: it is kept in the audit log.' : null}
      confirmName={shown === null ? null : row.resource_manager}
      leave={{ label: 'Keep things as they are', onLeave: close }}
      call={calls.cluster.endTransaction(shown === null ? { ...input, dry_run: true } : input)}
      onDone={(done) => {
        if (!done.done) return setShown(done);
        toast.success(done.message);
        close();
        return queryClient.invalidateQueries({ queryKey: trpc.cluster.listTransactions.pathKey() });
      }}
    >
      <Field label="Outcome">
        {(ids) => (
          <Select
            {...ids}
            value={outcome}
            options={outcomes}
            onChange={(event) => {
              setOutcome(event.target.value as HeuristicOutcome['outcome']);
              setShown(null);
            }}
          />
        )}
      </Field>
      <Field label="Why" hint="kept in the audit log">
        {(ids) => <Input {...ids} maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} />}
      </Field>
      {shown === null ? null : (
        <ul className="list-disc pl-5" aria-label="What follows" aria-live="polite">
          {shown.consequences.map((one) => (
            <li key={one}>{one}</li>
          ))}
        </ul>
      )}
    </ActionForm>
  );
}
