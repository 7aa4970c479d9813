'use client';

import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslations } from 'use-intl';
import { ApiProblem } from '@/platform/api/problem';
import { useExplain } from '@/platform/errors';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { PasswordField, TextField } from '@/ui/field';
import { register, signIn } from './api';
import { type SecondFactor, secondFactorOf } from './second-factor';

function Failure({ error, fields }: { error: Error | null; fields: readonly string[] }) {
  const explain = useExplain();
  if (!error) return null;
  // What a field says already need not be said twice.
  if (error instanceof ApiProblem && fields.some((field) => error.field(field))) return null;
  const { title, detail } = explain.error(error);
  return (
    <Banner kind="danger" title={title}>
      {detail}
    </Banner>
  );
}

/** Signing in with e-mail and password. */
export function SignInForm({
  onDone,
  onSecondFactor,
}: {
  onDone: () => void;
  onSecondFactor: (factor: SecondFactor) => void;
}) {
  const t = useTranslations('auth');
  const common = useTranslations('common');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const enter = useMutation({
    mutationFn: signIn,
    onSuccess: onDone,
    onError: (error) => {
      const factor = secondFactorOf(error);
      if (factor) onSecondFactor(factor);
    },
  });

  function onSubmit(event: FormEvent) {
    event.preventDefault();
    enter.mutate({ email: email.trim(), password });
  }

  return (
    <form onSubmit={onSubmit} className="flex flex-col gap-5">
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
      <PasswordField
        label={t('password')}
        name="password"
        autoComplete="current-password"
        required
        maxLength={256}
        showLabel={common('show')}
        hideLabel={common('hide')}
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
      <Failure error={enter.error} fields={[]} />
      <Button type="submit" kind="primary" size="lg" busy={enter.isPending}>
        {t('signIn')}
      </Button>
    </form>
  );
}

/** Making an account. */
export function RegisterForm({
  minLength,
  invitation,
  submitLabel,
  onDone,
}: {
  minLength: number;
  invitation: string | null;
  submitLabel: string;
  onDone: () => void;
}) {
  const t = useTranslations('auth');
  const common = useTranslations('common');
  const explain = useExplain();
  const [name, setName] = useState('');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const enter = useMutation({ mutationFn: register, onSuccess: onDone });

  function onSubmit(event: FormEvent) {
    event.preventDefault();
    enter.mutate({
      email: email.trim(),
      password,
      display_name: name.trim() || null,
      invitation,
    });
  }

  return (
    <form onSubmit={onSubmit} className="flex flex-col gap-5">
      <TextField
        label={t('name')}
        hint={t('nameHelp')}
        name="name"
        autoComplete="name"
        maxLength={100}
        value={name}
        error={explain.field(enter.error, 'display_name')}
        onChange={(event) => setName(event.target.value)}
      />
      <TextField
        label={t('email')}
        type="email"
        name="email"
        autoComplete="username"
        required
        maxLength={254}
        value={email}
        error={explain.field(enter.error, 'email')}
        onChange={(event) => setEmail(event.target.value)}
      />
      <PasswordField
        label={t('password')}
        hint={t('passwordHelp', { min: minLength })}
        name="password"
        autoComplete="new-password"
        required
        minLength={minLength}
        maxLength={256}
        showLabel={common('show')}
        hideLabel={common('hide')}
        value={password}
        error={explain.field(enter.error, 'password')}
        onChange={(event) => setPassword(event.target.value)}
      />
      <Failure error={enter.error} fields={['display_name', 'email', 'password']} />
      <Button type="submit" kind="primary" size="lg" busy={enter.isPending}>
        {submitLabel}
      </Button>
    </form>
  );
}
