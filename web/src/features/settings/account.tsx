'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { MonitorSmartphone } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useFormatter, useTranslations } from 'use-intl';
import { instanceQuery } from '@/features/auth';
import type { DeviceSession } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { keys } from '@/platform/query/keys';
import { session, useUser } from '@/platform/session';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { PasswordField, TextField } from '@/ui/field';
import { Section } from '@/ui/section';
import { Spinner } from '@/ui/spinner';
import { toast, toastError } from '@/ui/toast';
import {
  changePassword,
  deviceSessionsQuery,
  endOtherSessions,
  endSession,
  updateProfile,
} from './api';
import { deviceName } from './device';

/** What to call the person. */
export function Profile() {
  const t = useTranslations('settings.profile');
  const common = useTranslations('common');
  const explain = useExplain();
  const user = useUser();
  const [name, setName] = useState(user.display_name);
  const save = useMutation({
    mutationFn: updateProfile,
    onSuccess: (next) => {
      session.updateUser(next);
      toast(common('saved'));
    },
  });
  return (
    <Section id="profile" title={t('title')}>
      <form
        className="flex flex-col gap-4"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          save.mutate(name.trim());
        }}
      >
        <TextField
          label={t('name')}
          value={name}
          required
          maxLength={100}
          autoComplete="name"
          error={save.error ? explain.error(save.error).title : null}
          onChange={(event) => setName(event.target.value)}
        />
        <Button
          type="submit"
          className="self-start"
          busy={save.isPending}
          disabled={name.trim() === '' || name.trim() === user.display_name}
        >
          {common('save')}
        </Button>
      </form>
    </Section>
  );
}

/** The password. */
export function Password() {
  const t = useTranslations('settings.password');
  const auth = useTranslations('auth');
  const common = useTranslations('common');
  const explain = useExplain();
  const { data: instance } = useQuery(instanceQuery);
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const min = instance?.password_min_length ?? 10;
  const change = useMutation({
    mutationFn: changePassword,
    onSuccess: () => {
      setCurrent('');
      setNext('');
      toast(t('changed'));
    },
  });
  const currentError = explain.field(change.error, 'current_password');
  const nextError = explain.field(change.error, 'new_password');
  return (
    <Section id="password" title={t('title')} lead={t('lead')}>
      <form
        className="flex flex-col gap-4"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          change.mutate({ current_password: current, new_password: next });
        }}
      >
        <PasswordField
          label={t('current')}
          autoComplete="current-password"
          required
          maxLength={256}
          showLabel={common('show')}
          hideLabel={common('hide')}
          value={current}
          error={currentError}
          onChange={(event) => setCurrent(event.target.value)}
        />
        <PasswordField
          label={t('next')}
          hint={auth('passwordHelp', { min })}
          autoComplete="new-password"
          required
          minLength={min}
          maxLength={256}
          showLabel={common('show')}
          hideLabel={common('hide')}
          value={next}
          error={nextError}
          onChange={(event) => setNext(event.target.value)}
        />
        {change.error && !currentError && !nextError && (
          <Banner kind="danger" title={explain.error(change.error).title}>
            {explain.error(change.error).detail}
          </Banner>
        )}
        <Button type="submit" className="self-start" busy={change.isPending}>
          {t('change')}
        </Button>
      </form>
    </Section>
  );
}

function Device({ device, onEnd }: { device: DeviceSession; onEnd: () => void }) {
  const t = useTranslations('settings.sessions');
  const format = useFormatter();
  return (
    <li className="flex flex-wrap items-center gap-3">
      <MonitorSmartphone className="size-5 shrink-0 text-muted" />
      <div className="min-w-0 flex-1">
        <p className="truncate text-sm" title={device.user_agent ?? undefined}>
          {deviceName(device.user_agent ?? null) ?? t('unknownDevice')}
        </p>
        <p className="text-muted text-xs">
          {device.ip_address && `${device.ip_address} · `}
          {device.current
            ? t('thisOne')
            : t('lastSeen', {
                when: format.relativeTime(new Date(device.last_seen_at), new Date()),
              })}
        </p>
      </div>
      {!device.current && (
        <Button size="sm" onClick={onEnd}>
          {t('end')}
        </Button>
      )}
    </li>
  );
}

/** Where the person is signed in. */
export function Devices() {
  const t = useTranslations('settings.sessions');
  const explain = useExplain();
  const client = useQueryClient();
  const devices = useQuery(deviceSessionsQuery);
  const options = {
    onError: (error: Error) => toastError(explain.error(error).title),
    onSettled: () => client.invalidateQueries({ queryKey: keys.deviceSessions }),
  };
  const end = useMutation({ mutationFn: endSession, ...options });
  const endOthers = useMutation({ mutationFn: endOtherSessions, ...options });
  const others = devices.data?.some(({ current }) => !current) === true;
  return (
    <Section id="sessions" title={t('title')} lead={t('lead')}>
      {devices.isPending && <Spinner />}
      {devices.error && <Banner kind="danger" title={explain.error(devices.error).title} />}
      <ul className="flex flex-col gap-4">
        {devices.data?.map((device) => (
          <Device key={device.id} device={device} onEnd={() => end.mutate(device.id)} />
        ))}
      </ul>
      {others && (
        <Button
          className="self-start"
          busy={endOthers.isPending}
          onClick={() => endOthers.mutate()}
        >
          {t('endOthers')}
        </Button>
      )}
    </Section>
  );
}
