'use client';
import { ThemeProvider as NextThemes } from 'next-themes';
import type { ReactNode } from 'react';
import { Toaster } from 'sonner';
import { TooltipProvider } from '../ui/tooltip';

/** Dark, light or as the system says; remembered in this browser. */
export function ThemeProvider({ children }: { readonly children: ReactNode }) {
  return (
    <NextThemes attribute="data-theme" defaultTheme="system" enableSystem disableTransitionOnChange>
      <TooltipProvider delayDuration={250}>{children}</TooltipProvider>
      <Toaster
        position="bottom-right"
        style={{ fontFamily: 'inherit' }}
        toastOptions={{
          style: { background: 'var(--panel)', color: 'var(--fg)', border: '1px solid var(--line)' },
          // Its own is a dark grey in every theme.
          classNames: { description: 'text-muted!' },
        }}
      />
    </NextThemes>
  );
}
