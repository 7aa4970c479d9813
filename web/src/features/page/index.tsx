'use client';

import { ArrowLeft } from 'lucide-react';
import { type ReactNode, useEffect } from 'react';
import { useTranslations } from 'use-intl';
import { PageHeader } from '@/features/frame';
import { ConversationLink } from '@/platform/route';
import { cx } from '@/ui/cx';

const WIDTHS = {
  form: 'max-w-2xl',
  narrow: 'max-w-3xl',
  list: 'max-w-4xl',
  wide: 'max-w-5xl',
} as const;

type Width = keyof typeof WIDTHS;

/** What is around every page beside the chat: its title in the window, and the way back. */
export function PageFrame({
  title,
  width,
  children,
}: {
  title: string;
  width: Width;
  children: ReactNode;
}) {
  const t = useTranslations('settings');

  useEffect(() => {
    document.title = `${title} · OpenMake`;
  }, [title]);

  return (
    <>
      <PageHeader>
        <ConversationLink
          id={null}
          className="inline-flex h-9 items-center gap-2 rounded-sm px-3 text-sm text-soft hover:bg-hover hover:text-text"
        >
          <ArrowLeft className="size-4" />
          {t('back')}
        </ConversationLink>
      </PageHeader>
      <main className="scroll-quiet min-h-0 flex-1 overflow-y-auto">
        <div className={cx('mx-auto flex w-full flex-col gap-5 px-4 pt-2 pb-16', WIDTHS[width])}>
          {children}
        </div>
      </main>
    </>
  );
}

/** A page with its title, and what it is about. */
export function WorkspacePage({
  title,
  lead,
  width = 'narrow',
  children,
}: {
  title: string;
  lead?: string;
  width?: Width;
  children: ReactNode;
}) {
  return (
    <PageFrame title={title} width={width}>
      <div>
        <h1 className="font-semibold text-3xl tracking-tight">{title}</h1>
        {lead && <p className="mt-1 text-soft">{lead}</p>}
      </div>
      {children}
    </PageFrame>
  );
}

export { Unread } from './unread';
