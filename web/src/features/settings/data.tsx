'use client';

import { useMutation } from '@tanstack/react-query';
import { Download, Trash2 } from 'lucide-react';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { useFormatter, useTranslations } from 'use-intl';
import { NotConfirmed, useGuarded, useToldErrors } from '@/features/security';
import { useExplain } from '@/platform/errors';
import { saveFile } from '@/platform/files';
import { session, useUser } from '@/platform/session';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { TextField } from '@/ui/field';
import { Section } from '@/ui/section';
import { toast } from '@/ui/toast';
import { deleteAccount, exportAccount } from './api';

/** What goes with an account, in the order in which people ask about it. */
const GOES = ['conversations', 'keys', 'access', 'email'] as const;

function Export() {
  const t = useTranslations('account.data');
  const common = useTranslations('common');
  const format = useFormatter();
  const told = useToldErrors();
  const [bytes, setBytes] = useState(0);
  const running = useRef<AbortController | null>(null);
  const load = useMutation({
    mutationFn: (stop: AbortController) => exportAccount(setBytes, stop.signal),
    onSuccess: (file) => {
      if (file) saveFile(file, 'openmake-account.json');
      if (file) toast(t('saved'));
    },
    onError: told,
  });
  // Nobody waits for it on another page.
  useEffect(() => () => running.current?.abort(), []);
  const amount = format.number(bytes / 1_000_000, { maximumFractionDigits: 1 });
  return (
    <div className="flex flex-col items-start gap-3">
      <p className="text-soft text-sm">{t('exportLead')}</p>
      <div className="flex flex-wrap items-center gap-3">
        <Button
          icon={<Download className="size-4" />}
          busy={load.isPending}
          onClick={() => {
            setBytes(0);
            running.current = new AbortController();
            load.mutate(running.current);
          }}
        >
          {t('export')}
        </Button>
        {load.isPending && (
          <Button kind="quiet" onClick={() => running.current?.abort()}>
            {common('cancel')}
          </Button>
        )}
        <span role="status" className="text-muted text-sm tabular-nums">
          {load.isPending && t('read', { amount })}
        </span>
      </div>
    </div>
  );
}

function DeleteForm({ email }: { email: string }) {
  const t = useTranslations('account.data');
  const explain = useExplain();
  const guarded = useGuarded();
  const [typed, setTyped] = useState('');
  const remove = useMutation({
    mutationFn: () => guarded(deleteAccount),
    onSuccess: () => {
      session.end(null);
      toast(t('deleted'));
    },
  });
  const error = remove.error instanceof NotConfirmed ? null : remove.error;
  const explained = error && explain.error(error);
  return (
    <form
      className="flex flex-col gap-5"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        remove.mutate();
      }}
    >
      <ul className="flex list-disc flex-col gap-1 ps-5 text-soft text-sm">
        {GOES.map((what) => (
          <li key={what}>{t(`goes.${what}`)}</li>
        ))}
      </ul>
      <p className="text-soft text-sm">{t('stays')}</p>
      <TextField
        label={t('typeEmail')}
        hint={email}
        type="email"
        autoComplete="off"
        required
        maxLength={254}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
      {explained && (
        <Banner kind="danger" title={explained.title}>
          {explained.detail}
        </Banner>
      )}
      <Button
        type="submit"
        kind="danger"
        className="self-end"
        busy={remove.isPending}
        disabled={typed.trim().toLowerCase() !== email.toLowerCase()}
      >
        {t('deleteForGood')}
      </Button>
    </form>
  );
}

/** All that is one's own, to take away or to delete. */
export function OwnData() {
  const t = useTranslations('account.data');
  const common = useTranslations('common');
  const { email } = useUser();
  const [asking, setAsking] = useState(false);
  if (!email) return null;
  return (
    <Section id="data" title={t('title')}>
      <Export />
      <div className="flex flex-col items-start gap-3 border-line border-t pt-5">
        <p className="text-soft text-sm">{t('deleteLead')}</p>
        <Button kind="danger" icon={<Trash2 className="size-4" />} onClick={() => setAsking(true)}>
          {t('delete')}
        </Button>
      </div>
      <Dialog
        open={asking}
        onOpenChange={setAsking}
        title={t('deleteTitle')}
        description={t('deleteWarning')}
        closeLabel={common('close')}
      >
        <DeleteForm email={email} />
      </Dialog>
    </Section>
  );
}
