'use client';

import {
  BookOpen,
  ChartColumn,
  ChevronsUpDown,
  CodeXml,
  KeySquare,
  LogOut,
  Monitor,
  Moon,
  Settings,
  ShieldCheck,
  Sun,
} from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useTranslations } from 'use-intl';
import { signOut } from '@/features/auth';
import { useUser } from '@/platform/session';
import { THEMES, useTheme } from '@/platform/theme';
import { Menu, MenuItem, MenuSeparator } from '@/ui/menu';

const ICONS = { dark: <Moon />, light: <Sun />, system: <Monitor /> };

/** Who is signed in, and what is theirs. */
export function PersonMenu() {
  const t = useTranslations('person');
  const themes = useTranslations('settings.theme');
  const router = useRouter();
  const user = useUser();
  const [theme, setTheme] = useTheme();
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'dark';
  return (
    <Menu
      align="start"
      side="top"
      trigger={
        <button
          type="button"
          className="flex items-center gap-2.5 rounded-sm p-2 text-start hover:bg-hover"
        >
          <span
            aria-hidden="true"
            className="gradient-fill grid size-8 shrink-0 place-items-center rounded-full font-semibold text-sm"
          >
            {Array.from(user.display_name)[0]?.toUpperCase() ?? '·'}
          </span>
          <span className="min-w-0 flex-1">
            <span className="block truncate font-medium text-sm">{user.display_name}</span>
            <span className="block truncate text-muted text-xs">{user.email ?? t('guest')}</span>
          </span>
          <ChevronsUpDown className="size-4 shrink-0 text-muted" />
        </button>
      }
    >
      <MenuItem icon={<Settings />} onSelect={() => router.push('/settings')}>
        {t('settings')}
      </MenuItem>
      <MenuItem icon={<ChartColumn />} onSelect={() => router.push('/usage')}>
        {t('usage')}
      </MenuItem>
      {user.role !== 'guest' && (
        <MenuItem icon={<KeySquare />} onSelect={() => router.push('/api-keys')}>
          {t('apiKeys')}
        </MenuItem>
      )}
      <MenuItem icon={<CodeXml />} onSelect={() => router.push('/developer')}>
        {t('developer')}
      </MenuItem>
      <MenuItem icon={<BookOpen />} onSelect={() => router.push('/guide')}>
        {t('guide')}
      </MenuItem>
      {user.role === 'admin' && (
        <MenuItem icon={<ShieldCheck />} onSelect={() => router.push('/admin')}>
          {t('administration')}
        </MenuItem>
      )}
      <MenuItem icon={ICONS[next]} onSelect={() => setTheme(next)}>
        {t('switchTheme', { theme: themes(next) })}
      </MenuItem>
      <MenuSeparator />
      <MenuItem icon={<LogOut />} onSelect={() => void signOut()}>
        {t('signOut')}
      </MenuItem>
    </Menu>
  );
}
