'use client';
/** What can be done about a failure in place, such as giving the password again. Filled in by whoever knows the server. */
import { createContext, type ReactNode } from 'react';
import type { Failure } from './failure';

export const RemedyContext = createContext<(failure: Failure) => ReactNode>(() => null);
