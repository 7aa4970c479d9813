'use client';

import { useQuery } from '@tanstack/react-query';
import { usePathname } from 'next/navigation';
import { type ReactNode, useEffect, useState } from 'react';
import { useTranslations } from 'use-intl';
import { instanceQuery } from '@/features/auth';
import { FrameContext } from '@/features/frame';
import { Shortcuts } from '@/features/palette';
import { useLiveState } from '@/platform/live';
import { readStored, writeStored } from '@/platform/storage';
import { Drawer } from '@/ui/dialog';
import { useLive } from './live';
import { Sidebar } from './sidebar';

const WIDE = '(min-width: 768px)';

function useWide(): boolean {
  const [wide, setWide] = useState(() => window.matchMedia(WIDE).matches);
  useEffect(() => {
    const media = window.matchMedia(WIDE);
    const update = () => setWide(media.matches);
    media.addEventListener('change', update);
    return () => media.removeEventListener('change', update);
  }, []);
  return wide;
}

/** Says quietly when the live connection is away for more than a moment. */
function Connection() {
  const t = useTranslations('shell');
  const away = useLiveState() === 'waiting';
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(away), away ? 2_500 : 0);
    return () => clearTimeout(timer);
  }, [away]);
  return (
    <div aria-live="polite" className="pointer-events-none fixed inset-x-0 top-3 z-(--layer-toast)">
      {shown && (
        <p className="float mx-auto flex w-fit animate-rise items-center gap-2.5 rounded-full px-4 py-1.5 text-sm">
          <span className="size-2 animate-pulse-soft rounded-full bg-warning" />
          {t('reconnecting')}
        </p>
      )}
    </div>
  );
}

/** The page around every page of who is signed in. */
export function AppShell({ children }: { children: ReactNode }) {
  const t = useTranslations('sidebar');
  const shell = useTranslations('shell');
  const wide = useWide();
  const pathname = usePathname();
  const { data: instance } = useQuery(instanceQuery);
  const [hidden, setHidden] = useState(() => readStored('openmake.sidebar') === 'hidden');
  const [drawer, setDrawer] = useState(false);
  useLive();

  // biome-ignore lint/correctness/useExhaustiveDependencies: another page closes the drawer
  useEffect(() => setDrawer(false), [pathname]);

  function hide(next: boolean) {
    setHidden(next);
    writeStored('openmake.sidebar', next ? 'hidden' : null);
  }

  const name = instance?.name ?? 'OpenMake';
  const docked = wide && !hidden;
  return (
    <FrameContext value={{ docked, showSidebar: () => (wide ? hide(false) : setDrawer(true)) }}>
      <a
        href="#main"
        className="float sr-only top-2 left-2 z-(--layer-toast) px-4 py-2 focus:not-sr-only focus:fixed"
      >
        {shell('skip')}
      </a>
      <div className="aurora flex h-dvh overflow-hidden">
        {docked && (
          <div className="w-70 shrink-0 border-line border-e">
            <Sidebar name={name} onOpen={() => undefined} onHide={() => hide(true)} />
          </div>
        )}
        <div id="main" tabIndex={-1} className="flex min-w-0 flex-1 flex-col focus:outline-none">
          {children}
        </div>
      </div>
      {!wide && (
        <Drawer open={drawer} onOpenChange={setDrawer} title={t('label')}>
          <Sidebar name={name} onOpen={() => setDrawer(false)} onHide={() => setDrawer(false)} />
        </Drawer>
      )}
      <Connection />
      <Shortcuts />
    </FrameContext>
  );
}
