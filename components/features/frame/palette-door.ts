'use client';
/** Lets a page open the command palette, which the frame holds. */
import { createContext, useContext } from 'react';

export const PaletteDoorContext = createContext<() => void>(() => {});

export function useOpenPalette(): () => void {
  return useContext(PaletteDoorContext);
}
