import type { ReactNode } from 'react';
import { Logo } from './logo';

/** What is there before anything else is. */
export function Splash({ children }: { children?: ReactNode }) {
  return (
    <main className="hero-light grid min-h-dvh place-items-center p-6">
      <div className="flex flex-col items-center gap-4 text-center">
        <Logo className="size-14 animate-pulse-soft" />
        {children}
      </div>
    </main>
  );
}
