'use client';

import { useMutation, useQuery } from '@tanstack/react-query';
import Link from 'next/link';
import { useRouter, useSearchParams } from 'next/navigation';
import { useEffect, useState } from 'react';
import { useTranslations } from 'use-intl';
import { useExplain } from '@/platform/errors';
import { session, useSession } from '@/platform/session';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { Spinner } from '@/ui/spinner';
import { enterAsGuest, instanceQuery, signInOptionsQuery } from './api';
import { FactorForm } from './factor-form';
import { RegisterForm, SignInForm } from './forms';
import { AuthFrame } from './frame';
import { safeNext } from './next';
import { OtherWays } from './other-ways';
import { type SecondFactor, secondFactorInHash } from './second-factor';

/** Sends who is signed in already to where they wanted to go. */
function useLeaveWhenSignedIn(): { leave: () => void; next: string } {
  const router = useRouter();
  const next = safeNext(useSearchParams().get('next'));
  const { status } = useSession();
  useEffect(() => {
    void session.start();
  }, []);
  useEffect(() => {
    if (status === 'signed-in') router.replace(next);
  }, [status, router, next]);
  return { leave: () => router.replace(next), next };
}

/** What a sign-in still asks for: of the password's, or of a provider's that came back here. */
function useSecondFactor() {
  const [factor, setFactor] = useState<SecondFactor | null>(null);
  useEffect(() => {
    const given = secondFactorInHash(window.location.hash);
    if (given === null) return;
    setFactor(given);
    // Used once: it is not to stay in the address or the history.
    window.history.replaceState(null, '', window.location.pathname + window.location.search);
  }, []);
  return [factor, setFactor] as const;
}

/** /login */
export function LoginPage() {
  const t = useTranslations('auth');
  const explain = useExplain();
  const router = useRouter();
  const { leave, next } = useLeaveWhenSignedIn();
  const [factor, setFactor] = useSecondFactor();
  const failure = useSearchParams().get('error');
  const state = useSession();
  const instance = useQuery(instanceQuery);
  const guest = useMutation({ mutationFn: enterAsGuest, onSuccess: leave });
  const options = useQuery(signInOptionsQuery);
  const needsSetup = instance.data?.needs_setup === true;

  useEffect(() => {
    if (needsSetup) router.replace('/setup');
  }, [needsSetup, router]);

  const reason = state.status === 'signed-out' ? state.reason : null;
  if (factor) {
    return (
      <AuthFrame title={t('factor.title')} lead={t('factor.lead')}>
        <FactorForm factor={factor} onDone={leave} onBack={() => setFactor(null)} />
      </AuthFrame>
    );
  }
  return (
    <AuthFrame title={t('loginTitle')} lead={t('loginLead')}>
      <div className="flex flex-col gap-5">
        {reason && (
          <Banner
            kind={reason === 'signed_out' ? 'success' : 'info'}
            title={t(`ended.${reason}`)}
          />
        )}
        {failure && <Banner kind="danger" title={explain.code(failure, t('failed'), null).title} />}
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
        <SignInForm onDone={leave} onSecondFactor={setFactor} />
        {options.data?.password_reset_by_email && (
          <Link
            href="/reset-password"
            className="-mt-2 self-center text-accent-text text-sm hover:underline"
          >
            {t('forgotPassword')}
          </Link>
        )}
        <OtherWays next={next} invitation={null} onDone={leave} />
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
  const { leave, next } = useLeaveWhenSignedIn();
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
        {instance && allowed && <OtherWays next={next} invitation={invitation} onDone={leave} />}
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
