'use client';

import { useTranslations } from 'use-intl';
import { Dialog } from '@/ui/dialog';
import { SHORTCUTS } from './keys';

function isMac(): boolean {
  return /Mac|iPhone|iPad/.test(navigator.userAgent);
}

/** Which keys do what. */
export function ShortcutHelp({
  open,
  onOpenChange,
}: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}) {
  const t = useTranslations('palette');
  const common = useTranslations('common');
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title={t('shortcuts')}
      closeLabel={common('close')}
    >
      <dl className="flex flex-col gap-3 text-sm">
        {SHORTCUTS.map(({ shortcut, keys }) => (
          <div key={shortcut} className="flex items-center justify-between gap-4">
            <dt>{t(`shortcut.${shortcut}`)}</dt>
            <dd className="flex gap-1">
              {keys.map((key) => (
                <kbd
                  key={key}
                  className="min-w-7 rounded-xs border border-line-strong bg-glass px-1.5 py-0.5 text-center font-mono text-xs"
                >
                  {key === 'Mod' ? (isMac() ? '⌘' : 'Ctrl') : key}
                </kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
