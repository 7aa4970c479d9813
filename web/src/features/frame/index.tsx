'use client';

import { PanelLeftOpen } from 'lucide-react';
import { createContext, type ReactNode, useContext } from 'react';
import { useTranslations } from 'use-intl';
import { IconButton } from '@/ui/button';

/** How a page reaches the sidebar. */
export interface Frame {
  /** Whether the sidebar stands beside the page now. */
  docked: boolean;
  showSidebar: () => void;
}

export const FrameContext = createContext<Frame>({ docked: true, showSidebar: () => undefined });

/** The line at the top of a page. */
export function PageHeader({ children }: { children?: ReactNode }) {
  const t = useTranslations('sidebar');
  const { docked, showSidebar } = useContext(FrameContext);
  return (
    <header className="flex h-14 shrink-0 items-center gap-1.5 px-3">
      {!docked && (
        <IconButton label={t('show')} size="lg" onClick={showSidebar}>
          <PanelLeftOpen className="size-5" />
        </IconButton>
      )}
      {children}
    </header>
  );
}
