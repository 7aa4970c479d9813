'use client';

import { useMutation, useQuery } from '@tanstack/react-query';
import Link from 'next/link';
import { type FormEvent, useState, useSyncExternalStore } from 'react';
import { useTranslations } from 'use-intl';
import { useExplain } from '@/platform/errors';
import { useLocaleChoice } from '@/platform/i18n';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { PasswordField, TextField } from '@/ui/field';
import { instanceQuery, requestReset, resetPassword, signInOptionsQuery } from './api';
import { AuthFrame } from './frame';

function AskForLink() {
  const t = useTranslations('auth');
  const explain = useExplain();
  const [locale] = useLocaleChoice();
  const { data: options } = useQuery(signInOptionsQuery);
  const [email, setEmail] = useState('');
  const ask = useMutation({ mutationFn: requestReset });
  if (options && !options.password_reset_by_email) {
    return <Banner kind="info" title={t('reset.byAdministrator')} />;
  }
  if (ask.isSuccess) {
    return (
      <Banner kind="success" title={t('reset.sent')}>
        {t('reset.sentHelp')}
      </Banner>
    );
  }
  return (
    <form
      className="flex flex-col gap-5"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        ask.mutate({ email: email.trim(), language: locale });
      }}
    >
      <TextField
        label={t('email')}
        type="email"
        name="email"
        autoComplete="username"
        required
        maxLength={254}
        value={email}
        onChange={(event) => setEmail(event.target.value)}
      />
      {ask.error && (
        <Banner kind="danger" title={explain.error(ask.error).title}>
          {explain.error(ask.error).detail}
        </Banner>
      )}
      <Button type="submit" kind="primary" size="lg" busy={ask.isPending}>
        {t('reset.send')}
      </Button>
    </form>
  );
}

function ChooseAnother({ token }: { token: string }) {
  const t = useTranslations('auth');
  const common = useTranslations('common');
  const explain = useExplain();
  const { data: instance } = useQuery(instanceQuery);
  const [password, setPassword] = useState('');
  const min = instance?.password_min_length ?? 10;
  const set = useMutation({ mutationFn: resetPassword });
  if (set.isSuccess) return <Banner kind="success" title={t('reset.done')} />;
  const fieldError = explain.field(set.error, 'new_password');
  return (
    <form
      className="flex flex-col gap-5"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        set.mutate({ token, new_password: password });
      }}
    >
      <PasswordField
        label={t('reset.newPassword')}
        hint={t('passwordHelp', { min })}
        name="password"
        autoComplete="new-password"
        required
        minLength={min}
        maxLength={256}
        showLabel={common('show')}
        hideLabel={common('hide')}
        value={password}
        error={fieldError}
        onChange={(event) => setPassword(event.target.value)}
      />
      {set.error && !fieldError && (
        <Banner kind="danger" title={explain.error(set.error).title}>
          {explain.error(set.error).detail}
        </Banner>
      )}
      <Button type="submit" kind="primary" size="lg" busy={set.isPending}>
        {t('reset.set')}
      </Button>
    </form>
  );
}

function readHash(): string {
  return window.location.hash;
}

function watchHash(changed: () => void): () => void {
  window.addEventListener('hashchange', changed);
  return () => window.removeEventListener('hashchange', changed);
}

/** /reset-password: asks for a link, or uses one. Its token stays in the fragment, which no server sees. */
export function ResetPasswordPage() {
  const t = useTranslations('auth');
  const hash = useSyncExternalStore(watchHash, readHash, () => '');
  const token = new URLSearchParams(hash.replace(/^#/, '')).get('token');
  const { data: options } = useQuery(signInOptionsQuery);
  // Nothing is promised where no mail can be sent.
  const lead = options?.password_reset_by_email ? t('reset.lead') : undefined;
  return (
    <AuthFrame title={t('reset.title')} lead={token ? t('reset.leadNew') : lead}>
      <div className="flex flex-col gap-5">
        {token ? <ChooseAnother token={token} /> : <AskForLink />}
        <p className="text-center text-sm">
          <Link href="/login" className="font-medium text-accent-text hover:underline">
            {t('reset.toSignIn')}
          </Link>
        </p>
      </div>
    </AuthFrame>
  );
}
