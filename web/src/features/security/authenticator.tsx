'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Copy, Download } from 'lucide-react';
import { type FormEvent, lazy, Suspense, useState } from 'react';
import { useTranslations } from 'use-intl';
import type { Security, TotpSetup } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { copyText, saveFile } from '@/platform/files';
import { keys } from '@/platform/query/keys';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { ConfirmDialog, Dialog } from '@/ui/dialog';
import { TextField } from '@/ui/field';
import { Spinner } from '@/ui/spinner';
import { toast } from '@/ui/toast';
import { beginTotp, confirmTotp, removeTotp, renewBackupCodes } from './api';
import { useGuarded } from './reauthentication';
import { useToldErrors } from './told-errors';

const QrCode = lazy(() => import('./qr-code').then((module) => ({ default: module.QrCode })));

function Setup({ setup, onCodes }: { setup: TotpSetup; onCodes: (codes: string[]) => void }) {
  const t = useTranslations('security.totp');
  const explain = useExplain();
  const guarded = useGuarded();
  const [code, setCode] = useState('');
  const confirm = useMutation({
    mutationFn: () => guarded(() => confirmTotp(code)),
    onSuccess: ({ codes }) => onCodes(codes),
  });
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        confirm.mutate();
      }}
    >
      <div className="self-center">
        <Suspense fallback={<Spinner className="size-6" />}>
          <QrCode text={setup.uri} label={t('qr')} />
        </Suspense>
      </div>
      <p className="text-soft text-sm">
        {t('orType')}{' '}
        <code className="break-all rounded-xs bg-glass px-1.5 py-0.5 font-mono text-text text-xs">
          {setup.secret}
        </code>
      </p>
      <TextField
        label={t('code')}
        autoComplete="one-time-code"
        inputMode="numeric"
        required
        maxLength={10}
        value={code}
        error={confirm.error ? explain.error(confirm.error).title : null}
        onChange={(event) => setCode(event.target.value)}
      />
      <Button type="submit" kind="primary" className="self-end" busy={confirm.isPending}>
        {t('turnOn')}
      </Button>
    </form>
  );
}

function Codes({ codes, onDone }: { codes: readonly string[]; onDone: () => void }) {
  const t = useTranslations('security.totp');
  const code = useTranslations('code');
  const text = codes.join('\n');
  return (
    <div className="flex flex-col gap-4">
      <ul className="grid grid-cols-2 gap-x-6 gap-y-1.5 rounded-md border border-line bg-glass p-4 font-mono text-sm">
        {codes.map((one) => (
          <li key={one}>{one}</li>
        ))}
      </ul>
      <div className="flex flex-wrap justify-end gap-2">
        <Button
          icon={<Copy className="size-4" />}
          onClick={() => void copyText(text).then((done) => done && toast(code('copied')))}
        >
          {code('copy')}
        </Button>
        <Button
          icon={<Download className="size-4" />}
          onClick={() =>
            saveFile(new Blob([`${text}\n`], { type: 'text/plain' }), 'openmake-backup-codes.txt')
          }
        >
          {code('download')}
        </Button>
        <Button kind="primary" onClick={onDone}>
          {t('kept')}
        </Button>
      </div>
    </div>
  );
}

/** The authenticator app and its backup codes. */
export function Authenticator({ security }: { security: Security }) {
  const t = useTranslations('security.totp');
  const common = useTranslations('common');
  const client = useQueryClient();
  const guarded = useGuarded();
  const told = useToldErrors();
  const [setup, setSetup] = useState<TotpSetup | null>(null);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const [removing, setRemoving] = useState(false);
  const refresh = () => client.invalidateQueries({ queryKey: keys.security });
  const begin = useMutation({
    mutationFn: () => guarded(beginTotp),
    onSuccess: setSetup,
    onError: told,
  });
  const remove = useMutation({
    mutationFn: () => guarded(removeTotp),
    onSuccess: () => toast(t('off')),
    onError: told,
    onSettled: refresh,
  });
  const renew = useMutation({
    mutationFn: () => guarded(renewBackupCodes),
    onSuccess: (given) => setCodes(given.codes),
    onError: told,
    onSettled: refresh,
  });
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-start justify-between gap-3">
        <div className="min-w-0 flex-1">
          <h3 className="font-medium">{t('title')}</h3>
          <p className="text-muted text-sm">{t(security.totp_enabled ? 'isOn' : 'lead')}</p>
        </div>
        {security.totp_enabled ? (
          <Button busy={remove.isPending} onClick={() => setRemoving(true)}>
            {t('turnOff')}
          </Button>
        ) : (
          <Button busy={begin.isPending} onClick={() => begin.mutate()}>
            {t('begin')}
          </Button>
        )}
      </div>
      {security.totp_enabled && (
        <div className="flex flex-wrap items-center justify-between gap-3">
          <p className="text-sm text-soft">
            {t('codesLeft', { count: security.backup_codes_left })}
          </p>
          <Button size="sm" busy={renew.isPending} onClick={() => renew.mutate()}>
            {t('renew')}
          </Button>
        </div>
      )}
      {security.totp_enabled && security.backup_codes_left < 3 && (
        <Banner kind="warning" title={t('fewCodes')} />
      )}
      <Dialog
        open={setup !== null && codes === null}
        onOpenChange={(open) => !open && setSetup(null)}
        title={t('setupTitle')}
        description={t('setupLead')}
        closeLabel={common('close')}
      >
        {setup && (
          <Setup
            setup={setup}
            onCodes={(given) => {
              setCodes(given);
              setSetup(null);
              void refresh();
            }}
          />
        )}
      </Dialog>
      <Dialog
        open={codes !== null}
        onOpenChange={(open) => !open && setCodes(null)}
        title={t('codesTitle')}
        description={t('codesLead')}
        closeLabel={common('close')}
      >
        {codes && <Codes codes={codes} onDone={() => setCodes(null)} />}
      </Dialog>
      <ConfirmDialog
        open={removing}
        onOpenChange={setRemoving}
        title={t('turnOffTitle')}
        description={t('turnOffLead')}
        closeLabel={common('close')}
        confirmLabel={t('turnOff')}
        cancelLabel={common('cancel')}
        onConfirm={() => remove.mutate()}
      />
    </div>
  );
}
