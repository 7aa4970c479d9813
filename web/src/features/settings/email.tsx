'use client';

import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useLocale, useTranslations } from 'use-intl';
import { NotConfirmed, useGuarded } from '@/features/security';
import { useExplain } from '@/platform/errors';
import { session, useUser } from '@/platform/session';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { TextField } from '@/ui/field';
import { Section } from '@/ui/section';
import { toast } from '@/ui/toast';
import { changeEmail } from './api';

/** The e-mail that one signs in with. */
export function Email() {
  const t = useTranslations('account.email');
  const errors = useTranslations('errors.code');
  const explain = useExplain();
  const guarded = useGuarded();
  const language = useLocale();
  const user = useUser();
  const [email, setEmail] = useState(user.email ?? '');
  const change = useMutation({
    mutationFn: (wanted: string) => guarded(() => changeEmail({ email: wanted, language })),
    onSuccess: (next) => {
      session.updateUser(next);
      setEmail(next.email ?? '');
      toast(t('changed'));
    },
  });
  const error = change.error instanceof NotConfirmed ? null : change.error;
  const explained = error && explain.error(error);
  const atField =
    explain.field(error, 'email') ??
    (explained?.title === errors('email_taken') ? explained.title : null);
  return (
    <Section id="email" title={t('title')} lead={t('lead')}>
      <form
        className="flex flex-col gap-4"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          change.mutate(email.trim());
        }}
      >
        <TextField
          label={t('label')}
          type="email"
          autoComplete="email"
          required
          maxLength={254}
          value={email}
          error={atField}
          onChange={(event) => {
            change.reset();
            setEmail(event.target.value);
          }}
        />
        {explained && !atField && (
          <Banner kind="danger" title={explained.title}>
            {explained.detail}
          </Banner>
        )}
        <Button
          type="submit"
          className="self-start"
          busy={change.isPending}
          disabled={email.trim() === '' || email.trim() === user.email}
        >
          {t('change')}
        </Button>
      </form>
    </Section>
  );
}
