'use client';

import {
  Ellipsis,
  KeyRound,
  KeySquare,
  ScrollText,
  Shield,
  ShieldOff,
  UserCheck,
  UserX,
} from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useFormatter, useTranslations } from 'use-intl';
import type { Account } from '@/platform/api/types';
import { useUser } from '@/platform/session';
import { Badge } from '@/ui/badge';
import { IconButton } from '@/ui/button';
import { Menu, MenuItem, MenuSeparator } from '@/ui/menu';

/** What can be done with an account. */
export type Act = 'promote' | 'demote' | 'activate' | 'deactivate' | 'reset' | 'unsecond' | 'keys';

/** One account. Nobody takes their own way in away here. */
export function AccountRow({ account, onAct }: { account: Account; onAct: (act: Act) => void }) {
  const t = useTranslations('admin.users');
  const format = useFormatter();
  const router = useRouter();
  const me = useUser();
  const own = account.id === me.id;
  const day = (when: string) => format.dateTime(new Date(when), { dateStyle: 'medium' });
  return (
    <li className="flex items-center gap-3 py-3.5">
      <span
        aria-hidden="true"
        className="grid size-9 shrink-0 place-items-center rounded-full bg-accent-soft font-semibold text-accent-text text-sm"
      >
        {Array.from(account.display_name)[0]?.toUpperCase() ?? '·'}
      </span>
      <div className="min-w-0 flex-1">
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1 font-medium text-sm">
          <span className="min-w-0 truncate">{account.display_name}</span>
          {account.role === 'admin' && <Badge kind="accent">{t('role.admin')}</Badge>}
          {!account.is_active && <Badge kind="danger">{t('inactive')}</Badge>}
          {own && <Badge>{t('you')}</Badge>}
        </p>
        <p className="truncate text-muted text-sm">{account.email}</p>
        <p className="text-muted text-xs sm:hidden">
          {account.last_login ? t('lastLogin', { when: day(account.last_login) }) : t('neverIn')}
        </p>
      </div>
      <div className="hidden shrink-0 text-end text-muted text-xs sm:block">
        <p>
          {account.last_login ? t('lastLogin', { when: day(account.last_login) }) : t('neverIn')}
        </p>
        <p>{t('since', { when: day(account.created_at) })}</p>
      </div>
      <Menu
        trigger={
          <IconButton label={t('acts', { name: account.display_name })}>
            <Ellipsis className="size-4.5" />
          </IconButton>
        }
      >
        <MenuItem icon={<KeySquare />} onSelect={() => onAct('keys')}>
          {t('keys')}
        </MenuItem>
        <MenuItem
          icon={<ScrollText />}
          onSelect={() => router.push(`/audit?user=${encodeURIComponent(account.id)}`)}
        >
          {t('trail')}
        </MenuItem>
        {!own && (
          <>
            <MenuSeparator />
            <MenuItem icon={<KeyRound />} onSelect={() => onAct('reset')}>
              {t('reset')}
            </MenuItem>
            <MenuItem icon={<ShieldOff />} onSelect={() => onAct('unsecond')}>
              {t('unsecond')}
            </MenuItem>
            <MenuItem
              icon={<Shield />}
              onSelect={() => onAct(account.role === 'admin' ? 'demote' : 'promote')}
            >
              {t(account.role === 'admin' ? 'demote' : 'promote')}
            </MenuItem>
            <MenuSeparator />
            {account.is_active ? (
              <MenuItem danger icon={<UserX />} onSelect={() => onAct('deactivate')}>
                {t('deactivate')}
              </MenuItem>
            ) : (
              <MenuItem icon={<UserCheck />} onSelect={() => onAct('activate')}>
                {t('activate')}
              </MenuItem>
            )}
          </>
        )}
      </Menu>
    </li>
  );
}
