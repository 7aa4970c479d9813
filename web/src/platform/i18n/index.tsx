'use client';

import { type ReactNode, useEffect, useState, useSyncExternalStore } from 'react';
import { IntlProvider } from 'use-intl';
import type en from '../../../messages/en.json';
import { Listeners } from '../listeners';
import { readStored, writeStored } from '../storage';
import { isLocale, type Locale, negotiate } from './locales';

export { LOCALES, type Locale } from './locales';

/** Every text of the page. */
export type Messages = typeof en;

declare module 'use-intl' {
  interface AppConfig {
    Locale: Locale;
    Messages: Messages;
  }
}

// One chunk a language.
const load: Record<Locale, () => Promise<{ default: Messages }>> = {
  ko: () => import('../../../messages/ko.json'),
  en: () => import('../../../messages/en.json'),
  ja: () => import('../../../messages/ja.json'),
  'zh-CN': () => import('../../../messages/zh-CN.json'),
};

const changed = new Listeners();

function current(): Locale {
  const stored = readStored('openmake.locale');
  return isLocale(stored) ? stored : negotiate(navigator.languages);
}

/** The language, and how to choose another. */
export function useLocaleChoice(): [Locale, (locale: Locale) => void] {
  const locale = useSyncExternalStore(changed.add, current, () => 'en' as const);
  return [
    locale,
    (next) => {
      writeStored('openmake.locale', next);
      changed.emit();
    },
  ];
}

/** Gives texts to what is inside; shows `fallback` until they are there. */
export function I18nProvider({ children, fallback }: { children: ReactNode; fallback: ReactNode }) {
  const [locale] = useLocaleChoice();
  const [loaded, setLoaded] = useState<{ locale: Locale; messages: Messages } | null>(null);

  useEffect(() => {
    let current = true;
    void load[locale]().then(({ default: messages }) => {
      if (!current) return;
      document.documentElement.lang = locale;
      setLoaded({ locale, messages });
    });
    return () => {
      current = false;
    };
  }, [locale]);

  if (loaded === null) return fallback;
  return (
    <IntlProvider
      locale={loaded.locale}
      messages={loaded.messages}
      timeZone={Intl.DateTimeFormat().resolvedOptions().timeZone}
    >
      {children}
    </IntlProvider>
  );
}
