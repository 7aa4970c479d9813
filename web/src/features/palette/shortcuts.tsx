'use client';

import { useQueryClient } from '@tanstack/react-query';
import {
  BookOpen,
  ChartColumn,
  CodeXml,
  History,
  Keyboard,
  KeySquare,
  LogOut,
  Settings,
  ShieldCheck,
  SquarePen,
  SunMoon,
} from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useEffect, useState } from 'react';
import { useTranslations } from 'use-intl';
import { signOut } from '@/features/auth';
import { conversationsQuery, groupConversations } from '@/features/conversations';
import { ask, onCommand } from '@/platform/commands';
import { ADMIN_PLACES } from '@/platform/places';
import { chatPath, showConversation, useConversationId, useOnChatPage } from '@/platform/route';
import { useUser } from '@/platform/session';
import { THEMES, useTheme } from '@/platform/theme';
import { ShortcutHelp } from './help';
import { isTyping, neighbour, type Shortcut, shortcutOf } from './keys';
import { type Action, Palette } from './palette';

/** The palette, the shortcuts and their list: once, around all pages. */
export function Shortcuts() {
  const t = useTranslations('palette');
  const person = useTranslations('person');
  const admin = useTranslations('admin');
  const sidebar = useTranslations('sidebar');
  const themes = useTranslations('settings.theme');
  const router = useRouter();
  const client = useQueryClient();
  const user = useUser();
  const current = useConversationId();
  const here = useOnChatPage();
  const [theme, setTheme] = useTheme();
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'dark';

  function open(id: string | null, message?: string) {
    if (here) showConversation(id, message);
    else router.push(chatPath(id, '/chat', message));
  }

  /** As the sidebar shows them, as far as they were read. */
  function shownIds(): string[] {
    const pages = client.getQueryData(conversationsQuery('active').queryKey)?.pages ?? [];
    const all = pages.flatMap(({ items }) => items);
    return groupConversations(all, new Date()).flatMap(({ items }) => items.map(({ id }) => id));
  }

  function step(by: 1 | -1) {
    const id = neighbour(shownIds(), current, by);
    if (id !== null) open(id);
  }

  function run(shortcut: Shortcut) {
    switch (shortcut) {
      case 'palette':
        setPalette((shown) => !shown);
        break;
      case 'new-chat':
        open(null);
        break;
      case 'previous':
        step(-1);
        break;
      case 'next':
        step(1);
        break;
      case 'help':
        setHelp(true);
        break;
      default:
        ask(shortcut);
    }
  }

  useEffect(() => {
    function onKeyDown(event: globalThis.KeyboardEvent) {
      if (event.isComposing) return;
      const shortcut = shortcutOf(event, isTyping(event.target));
      if (shortcut === null) return;
      // Nothing behind an open dialog, except to close the palette itself.
      const modal = document.querySelector('[data-modal]') !== null;
      if (modal && !(shortcut === 'palette' && palette)) return;
      event.preventDefault();
      run(shortcut);
    }
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  });

  useEffect(
    () =>
      onCommand((command) => {
        if (command === 'palette') setPalette(true);
        if (command === 'help') setHelp(true);
      }),
    [],
  );

  const actions: Action[] = [
    { id: 'new', label: sidebar('newChat'), icon: <SquarePen />, run: () => open(null) },
    {
      id: 'history',
      label: person('history'),
      icon: <History />,
      run: () => router.push('/history'),
    },
    {
      id: 'settings',
      label: person('settings'),
      icon: <Settings />,
      run: () => router.push('/settings'),
    },
    {
      id: 'usage',
      label: person('usage'),
      icon: <ChartColumn />,
      run: () => router.push('/usage'),
    },
    ...(user.role === 'guest'
      ? []
      : [
          {
            id: 'keys',
            label: person('apiKeys'),
            icon: <KeySquare />,
            run: () => router.push('/api-keys'),
          },
        ]),
    ...(user.role === 'admin'
      ? ADMIN_PLACES.map(({ id, path }) => ({
          id: `admin-${id}`,
          label: `${person('administration')}: ${admin(`place.${id}`)}`,
          icon: <ShieldCheck />,
          run: () => router.push(path),
        }))
      : []),
    {
      id: 'developer',
      label: person('developer'),
      icon: <CodeXml />,
      run: () => router.push('/developer'),
    },
    {
      id: 'guide',
      label: person('guide'),
      icon: <BookOpen />,
      run: () => router.push('/guide'),
    },
    {
      id: 'theme',
      label: person('switchTheme', { theme: themes(next) }),
      icon: <SunMoon />,
      run: () => setTheme(next),
    },
    { id: 'help', label: t('shortcuts'), icon: <Keyboard />, run: () => setHelp(true) },
    { id: 'sign-out', label: person('signOut'), icon: <LogOut />, run: () => void signOut() },
  ];

  return (
    <>
      <Palette open={palette} onOpenChange={setPalette} actions={actions} onConversation={open} />
      <ShortcutHelp open={help} onOpenChange={setHelp} />
    </>
  );
}
