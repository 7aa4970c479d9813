'use client';

import { useQuery } from '@tanstack/react-query';
import { ChartLine, Code, Lightbulb, PenLine, PlugZap } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { useTranslations } from 'use-intl';
import { modelsQuery } from '@/features/models';
import { ConnectNode } from '@/features/nodes';
import { useUser } from '@/platform/session';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { Logo } from '@/ui/logo';

const SUGGESTIONS = [
  { key: 'explain', icon: <Lightbulb /> },
  { key: 'write', icon: <PenLine /> },
  { key: 'code', icon: <Code /> },
  { key: 'decide', icon: <ChartLine /> },
] as const;

/** What one may begin with. */
export function Suggestions({ onChoose }: { onChoose: (text: string) => void }) {
  const t = useTranslations('welcome.suggestion');
  return (
    <ul className="grid w-full gap-2.5 sm:grid-cols-2">
      {SUGGESTIONS.map(({ key, icon }) => (
        <li key={key}>
          <button
            type="button"
            onClick={() => onChoose(t(`${key}.prompt`))}
            className="glass flex h-full w-full items-start gap-3 rounded-md p-4 text-start transition-[background-color,border-color] duration-150 hover:border-line-control hover:bg-hover [&>svg]:mt-0.5 [&>svg]:size-4.5 [&>svg]:shrink-0 [&>svg]:text-accent-text"
          >
            {icon}
            <span>
              <span className="block font-medium text-sm">{t(`${key}.title`)}</span>
              <span className="block text-muted text-sm">{t(`${key}.prompt`)}</span>
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}

const code = (chunks: ReactNode) => (
  <code className="rounded-xs bg-hover px-1.5 py-0.5 font-mono text-xs">{chunks}</code>
);

function NoModel({ hint }: { hint: string | null }) {
  const t = useTranslations('welcome');
  const common = useTranslations('common');
  const admin = useUser().role === 'admin';
  const [connecting, setConnecting] = useState(false);
  return (
    <section className="glass w-full rounded-lg p-6">
      <div className="flex items-start gap-4">
        <PlugZap className="mt-0.5 size-6 shrink-0 text-warning" />
        <div className="min-w-0">
          <h2 className="font-semibold text-lg">{t('noModel')}</h2>
          {admin ? (
            <>
              <p className="mt-1 text-soft">{t('noModelAdmin')}</p>
              <ol className="mt-3 list-decimal space-y-1 ps-5 text-soft text-sm">
                <li>{t('step.install')}</li>
                <li>{t.rich('step.pull', { code })}</li>
                <li>{t('step.connect')}</li>
              </ol>
              {hint && <p className="mt-3 text-muted text-sm">{hint}</p>}
              <Button kind="primary" className="mt-4" onClick={() => setConnecting(true)}>
                {t('connect')}
              </Button>
            </>
          ) : (
            <p className="mt-1 text-soft">{t('noModelUser')}</p>
          )}
        </div>
      </div>
      <Dialog
        open={connecting}
        onOpenChange={setConnecting}
        title={t('connect')}
        closeLabel={common('close')}
      >
        <ConnectNode onConnected={() => setConnecting(false)} />
      </Dialog>
    </section>
  );
}

function greetingKey(hour: number): 'morning' | 'afternoon' | 'evening' {
  return hour >= 5 && hour < 12 ? 'morning' : hour >= 12 && hour < 18 ? 'afternoon' : 'evening';
}

/** A chat that has not begun. */
export function Welcome({ onSuggest }: { onSuggest: (text: string) => void }) {
  const t = useTranslations('welcome');
  const user = useUser();
  const models = useQuery(modelsQuery);
  const none = models.data && !models.data.items.some(({ available }) => available);
  return (
    <div className="flex min-h-full flex-col items-center justify-center px-4 py-8">
      <div className="flex w-full max-w-2xl animate-rise flex-col items-center gap-7">
        <div className="flex flex-col items-center text-center">
          <Logo className="size-14 drop-shadow-[0_0_24px_rgb(102_126_234/0.45)]" />
          <h1 className="gradient-text mt-4 pb-1 font-semibold text-3xl tracking-tight">
            {t(`greeting.${greetingKey(new Date().getHours())}`, { name: user.display_name })}
          </h1>
          <p className="mt-1 text-soft">{t('lead')}</p>
        </div>
        {none ? <NoModel hint={models.data?.hint ?? null} /> : <Suggestions onChoose={onSuggest} />}
      </div>
    </div>
  );
}
