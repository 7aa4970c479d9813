'use client';

import { useMutation, useQuery } from '@tanstack/react-query';
import { KeyRound } from 'lucide-react';
import {
  createContext,
  type FormEvent,
  type ReactNode,
  useCallback,
  useContext,
  useRef,
  useState,
} from 'react';
import { useTranslations } from 'use-intl';
import { ApiProblem } from '@/platform/api/problem';
import { useExplain } from '@/platform/errors';
import { hasPasskeys, PasskeyDismissed } from '@/platform/webauthn';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { PasswordField, TextField } from '@/ui/field';
import { reauthenticate, reauthenticateByPasskey, securityQuery } from './api';

/** The person did not want to prove who they are. */
export class NotConfirmed extends Error {
  override readonly name = 'NotConfirmed';
}

/** Runs something that may want a proof first, and asks for the proof. */
type Guarded = <T>(run: () => Promise<T>) => Promise<T>;

const Context = createContext<Guarded>((run) => run());

/** For what changes who can sign in. */
export function useGuarded(): Guarded {
  return useContext(Context);
}

function wantsProof(error: unknown): boolean {
  return error instanceof ApiProblem && error.code === 'reauthentication_required';
}

function Proof({ onDone }: { onDone: () => void }) {
  const t = useTranslations('security.confirm');
  const auth = useTranslations('auth');
  const common = useTranslations('common');
  const explain = useExplain();
  const { data: security } = useQuery(securityQuery);
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const typed = useMutation({ mutationFn: reauthenticate, onSuccess: onDone });
  const passkey = useMutation({ mutationFn: reauthenticateByPasskey, onSuccess: onDone });
  const byPassword = security?.has_password !== false;
  const failed = typed.error ?? passkey.error;
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        typed.mutate(byPassword ? { password } : { code });
      }}
    >
      {byPassword ? (
        <PasswordField
          label={auth('password')}
          autoComplete="current-password"
          autoFocus
          required
          maxLength={256}
          showLabel={common('show')}
          hideLabel={common('hide')}
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
      ) : (
        security?.totp_enabled && (
          <TextField
            label={auth('factor.code')}
            autoComplete="one-time-code"
            inputMode="numeric"
            required
            maxLength={40}
            value={code}
            onChange={(event) => setCode(event.target.value)}
          />
        )
      )}
      {failed && !(failed instanceof PasskeyDismissed) && (
        <Banner kind="danger" title={explain.error(failed).title} />
      )}
      <div className="flex flex-wrap justify-end gap-2">
        {security && security.passkeys.length > 0 && hasPasskeys() && (
          <Button
            icon={<KeyRound className="size-4" />}
            busy={passkey.isPending}
            onClick={() => passkey.mutate()}
          >
            {auth('factor.usePasskey')}
          </Button>
        )}
        {(byPassword || security?.totp_enabled) && (
          <Button type="submit" kind="primary" busy={typed.isPending}>
            {t('go')}
          </Button>
        )}
      </div>
    </form>
  );
}

/** Asks who it is before what is inside changes who can sign in. */
export function Reauthentication({ children }: { children: ReactNode }) {
  const t = useTranslations('security.confirm');
  const common = useTranslations('common');
  const [open, setOpen] = useState(false);
  const answer = useRef<((confirmed: boolean) => void) | null>(null);

  const finish = useCallback((confirmed: boolean) => {
    setOpen(false);
    answer.current?.(confirmed);
    answer.current = null;
  }, []);

  const guarded: Guarded = useCallback(async (run) => {
    try {
      return await run();
    } catch (error) {
      if (!wantsProof(error)) throw error;
    }
    const confirmed = await new Promise<boolean>((resolve) => {
      answer.current?.(false);
      answer.current = resolve;
      setOpen(true);
    });
    if (!confirmed) throw new NotConfirmed('not confirmed');
    return run();
  }, []);

  return (
    <Context.Provider value={guarded}>
      {children}
      <Dialog
        open={open}
        onOpenChange={(next) => !next && finish(false)}
        title={t('title')}
        description={t('lead')}
        closeLabel={common('close')}
      >
        <Proof onDone={() => finish(true)} />
      </Dialog>
    </Context.Provider>
  );
}
