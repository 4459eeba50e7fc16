'use client';
/** How a card tells the map that it was chosen, without a new callback in each card's data. */
import { createContext, useContext } from 'react';

export const SelectNodeContext = createContext<(id: string) => void>(() => {});

export function useSelectNode(): (id: string) => void {
  return useContext(SelectNodeContext);
}
