'use client';

import { useQuery } from '@tanstack/react-query';
import { Languages } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslations } from 'use-intl';
import { LOCALES, type Locale, useLocaleChoice } from '@/platform/i18n';
import { Logo } from '@/ui/logo';
import { instanceQuery } from './api';

function LanguageChoice() {
  const t = useTranslations('settings');
  const [locale, setLocale] = useLocaleChoice();
  return (
    <label className="inline-flex items-center gap-2 text-muted text-sm">
      <Languages className="size-4" />
      <span className="sr-only">{t('language.title')}</span>
      <select
        value={locale}
        onChange={(event) => setLocale(event.target.value as Locale)}
        className="rounded-xs bg-transparent py-1 hover:text-text [&>option]:bg-card [&>option]:text-text"
      >
        {Object.entries(LOCALES).map(([id, name]) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The page around everything that comes before signing in. */
export function AuthFrame({
  title,
  lead,
  wide = false,
  children,
}: {
  title: string;
  lead?: ReactNode;
  wide?: boolean;
  children: ReactNode;
}) {
  const { data: instance } = useQuery(instanceQuery);
  return (
    <div className="hero-light flex min-h-dvh flex-col">
      <div className="aurora flex flex-1 flex-col items-center px-4 pt-[max(2.5rem,9dvh)] pb-10">
        <main className={wide ? 'w-full max-w-xl' : 'w-full max-w-md'}>
          <div className="flex animate-rise flex-col items-center text-center">
            <Logo className="size-14" />
            <p className="mt-3 font-medium text-soft">{instance?.name ?? 'OpenMake'}</p>
            <h1 className="mt-1 font-semibold text-3xl tracking-tight">{title}</h1>
            {lead && <p className="mt-2 max-w-md text-soft">{lead}</p>}
          </div>
          <div className="glass mt-8 animate-rise rounded-xl p-6 shadow-card sm:p-8">
            {children}
          </div>
        </main>
      </div>
      <footer className="flex justify-center px-4 pb-6">
        <LanguageChoice />
      </footer>
    </div>
  );
}
