'use client';
import { Check, Copy } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { Button } from './button';
import { cn } from './cn';

export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Plain-HTTP pages have no clipboard API: fall back to a selection.
    const area = document.createElement('textarea');
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

export function CopyButton({
  text,
  label = 'Copy',
  children,
  className,
}: {
  readonly text: string | (() => string);
  readonly label?: string;
  readonly children?: ReactNode;
  readonly className?: string;
}) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <Button
      variant="ghost"
      size="sm"
      className={className}
      aria-label={children ? undefined : label}
      tip={copied ? 'Copied' : children ? null : label}
      onClick={() => void copyText(typeof text === 'function' ? text() : text).then(setCopied)}
    >
      {copied ? <Check aria-hidden /> : <Copy aria-hidden />}
      {children ? <span>{copied ? 'Copied' : children}</span> : null}
      <span role="status" className="sr-only">
        {copied ? 'Copied' : ''}
      </span>
    </Button>
  );
}

export function CodeBlock({
  code,
  label,
  className,
}: {
  readonly code: string;
  readonly label?: string;
  readonly className?: string;
}) {
  return (
    <div className={cn('rounded-md border border-line bg-raised', className)}>
      <div className="flex items-center justify-between gap-2 border-line border-b px-2 py-0.5">
        <span className="text-muted">{label}</span>
        <CopyButton text={code} label={`Copy ${label ?? 'code'}`} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard */}
      <pre className="num overflow-x-auto whitespace-pre p-2" tabIndex={0}>
        {code}
      </pre>
    </div>
  );
}
