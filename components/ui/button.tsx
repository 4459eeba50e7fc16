'use client';
/** Buttons. A button that can't be used says why: pass `disabledReason`, and it stays focusable so that the reason can be read by keyboard. */
import { cva, type VariantProps } from 'class-variance-authority';
import { Slot } from 'radix-ui';
import type { ComponentProps, ReactNode } from 'react';
import { cn } from './cn';
import { Tooltip } from './tooltip';

export const buttonClass = cva(
  'inline-flex shrink-0 select-none items-center justify-center gap-1.5 whitespace-nowrap rounded-md border font-medium transition-colors disabled:opacity-50 aria-disabled:cursor-not-allowed aria-disabled:opacity-55 [&_svg]:size-3.5 [&_svg]:shrink-0',
  {
    variants: {
      variant: {
        default: 'border-line bg-panel text-fg hover:bg-raised',
        primary: 'border-accent bg-accent text-accent-fg hover:brightness-110',
        danger: 'border-bad bg-panel text-bad hover:bg-bad-soft',
        ghost: 'border-transparent bg-transparent text-muted hover:bg-raised hover:text-fg',
      },
      size: { sm: 'h-6 px-2 text-[0.92rem]', md: 'h-7 px-2.5', icon: 'size-7' },
    },
    defaultVariants: { variant: 'default', size: 'md' },
  },
);

export type ButtonProps = ComponentProps<'button'> &
  VariantProps<typeof buttonClass> & {
    readonly asChild?: boolean;
    readonly disabledReason?: string | null | undefined;
    readonly tip?: ReactNode;
  };

export function Button({ className, variant, size, asChild, disabledReason, tip, onClick, ...props }: ButtonProps) {
  const blocked = typeof disabledReason === 'string';
  const Component = asChild && !blocked ? Slot.Root : 'button';
  const { children, ...rest } = props;
  const button = (
    <Component
      type={Component === 'button' ? 'button' : undefined}
      className={cn(buttonClass({ variant, size }), className)}
      aria-disabled={blocked || undefined}
      onClick={blocked ? (event) => event.preventDefault() : onClick}
      {...rest}
    >
      {blocked && asChild ? labelOf(children) : children}
    </Component>
  );
  const content = disabledReason ?? tip;
  return content ? <Tooltip content={content}>{button}</Tooltip> : button;
}

/** A blocked link becomes a plain button with the link's own content. */
function labelOf(children: ReactNode): ReactNode {
  if (children !== null && typeof children === 'object' && 'props' in children) {
    return (children.props as { children?: ReactNode }).children;
  }
  return children;
}
