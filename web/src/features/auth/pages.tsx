'use client';

import { useMutation, useQuery } from '@tanstack/react-query';
import Link from 'next/link';
import { useRouter, useSearchParams } from 'next/navigation';
import { useEffect } from 'react';
import { useTranslations } from 'use-intl';
import { useExplain } from '@/platform/errors';
import { session, useSession } from '@/platform/session';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { Spinner } from '@/ui/spinner';
import { enterAsGuest, instanceQuery } from './api';
import { RegisterForm, SignInForm } from './forms';
import { AuthFrame } from './frame';
import { safeNext } from './next';

/** Sends who is signed in already to where they wanted to go. */
function useLeaveWhenSignedIn(): () => void {
  const router = useRouter();
  const next = safeNext(useSearchParams().get('next'));
  const { status } = useSession();
  useEffect(() => {
    void session.start();
  }, []);
  useEffect(() => {
    if (status === 'signed-in') router.replace(next);
  }, [status, router, next]);
  return () => router.replace(next);
}

/** /login */
export function LoginPage() {
  const t = useTranslations('auth');
  const explain = useExplain();
  const router = useRouter();
  const leave = useLeaveWhenSignedIn();
  const state = useSession();
  const instance = useQuery(instanceQuery);
  const guest = useMutation({ mutationFn: enterAsGuest, onSuccess: leave });
  const needsSetup = instance.data?.needs_setup === true;

  useEffect(() => {
    if (needsSetup) router.replace('/setup');
  }, [needsSetup, router]);

  const reason = state.status === 'signed-out' ? state.reason : null;
  return (
    <AuthFrame title={t('loginTitle')} lead={t('loginLead')}>
      <div className="flex flex-col gap-5">
        {reason && (
          <Banner
            kind={reason === 'signed_out' ? 'success' : 'info'}
            title={t(`ended.${reason}`)}
          />
        )}
        {instance.error && (
          <Banner
            kind="danger"
            title={explain.error(instance.error).title}
            action={
              <Button size="sm" onClick={() => void instance.refetch()}>
                {t('retry')}
              </Button>
            }
          >
            {explain.error(instance.error).detail}
          </Banner>
        )}
        {instance.data?.demo && (
          <Banner kind="info" title={t('demoTitle')}>
            {t('demoHelp')}
          </Banner>
        )}
        <SignInForm onDone={leave} />
        {instance.data?.guests_allowed && (
          <Button size="lg" busy={guest.isPending} onClick={() => guest.mutate()}>
            {t('guest')}
          </Button>
        )}
        {guest.error && <Banner kind="danger" title={explain.error(guest.error).title} />}
        {instance.data && (
          <p className="text-center text-muted text-sm">
            {instance.data.registration === 'open' ? (
              <>
                {t('noAccount')}{' '}
                <Link href="/register" className="font-medium text-accent-text hover:underline">
                  {t('register')}
                </Link>
              </>
            ) : (
              t(`registration.${instance.data.registration}`)
            )}
          </p>
        )}
      </div>
    </AuthFrame>
  );
}

/** /register, with an invitation where one is needed. */
export function RegisterPage() {
  const t = useTranslations('auth');
  const router = useRouter();
  const leave = useLeaveWhenSignedIn();
  const invitation = useSearchParams().get('invitation');
  const { data: instance } = useQuery(instanceQuery);

  useEffect(() => {
    if (instance?.needs_setup) router.replace('/setup');
  }, [instance, router]);

  const allowed =
    instance &&
    (instance.registration === 'open' || (instance.registration === 'invitation' && invitation));
  return (
    <AuthFrame title={t('registerTitle')} lead={invitation ? t('invited') : t('registerLead')}>
      <div className="flex flex-col gap-5">
        {!instance && <Spinner className="self-center" />}
        {instance && !allowed && (
          <Banner
            kind="info"
            title={t(
              instance.registration === 'closed'
                ? 'registration.closed'
                : 'registration.invitation',
            )}
          />
        )}
        {instance && allowed && (
          <RegisterForm
            minLength={instance.password_min_length}
            invitation={invitation}
            submitLabel={t('register')}
            onDone={leave}
          />
        )}
        <p className="text-center text-muted text-sm">
          {t('haveAccount')}{' '}
          <Link href="/login" className="font-medium text-accent-text hover:underline">
            {t('signIn')}
          </Link>
        </p>
      </div>
    </AuthFrame>
  );
}
