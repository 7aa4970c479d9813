'use client';

import { useQuery } from '@tanstack/react-query';
import { Check } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useEffect, useState } from 'react';
import { useTranslations } from 'use-intl';
import { AuthFrame, instanceQuery, RegisterForm } from '@/features/auth';
import { FirstQuestion } from '@/features/chat';
import { modelsQuery } from '@/features/models';
import { ConnectNode } from '@/features/nodes';
import { useExplain } from '@/platform/errors';
import { session, useSession } from '@/platform/session';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { cx } from '@/ui/cx';
import { Spinner } from '@/ui/spinner';

const STEPS = ['account', 'models', 'ask'] as const;
type Step = (typeof STEPS)[number];

function Steps({ at }: { at: Step }) {
  const t = useTranslations('setup');
  const index = STEPS.indexOf(at);
  return (
    <ol className="mb-7 flex items-center justify-center gap-2 text-sm">
      {STEPS.map((step, i) => (
        <li
          key={step}
          aria-current={step === at ? 'step' : undefined}
          className={cx('flex items-center gap-2', i <= index ? 'text-text' : 'text-muted')}
        >
          <span
            className={cx(
              'grid size-6 place-items-center rounded-full text-xs',
              i <= index ? 'gradient-fill' : 'border border-line-control',
            )}
          >
            {i < index ? <Check className="size-3.5" /> : i + 1}
          </span>
          <span className={cx(step !== at && 'max-sm:sr-only')}>{t(`steps.${step}`)}</span>
          {i < STEPS.length - 1 && <span aria-hidden="true" className="h-px w-6 bg-line-control" />}
        </li>
      ))}
    </ol>
  );
}

/** /setup: the first administrator, a model server, a first message. */
export function SetupPage() {
  const t = useTranslations('setup');
  const router = useRouter();
  const explain = useExplain();
  const state = useSession();
  const instance = useQuery(instanceQuery);
  const signedIn = state.status === 'signed-in';
  const admin = signedIn && state.user.role === 'admin';
  const models = useQuery({ ...modelsQuery, enabled: admin });
  const [skipped, setSkipped] = useState(false);

  useEffect(() => {
    void session.start();
  }, []);

  // Set up already, and not by who is here.
  const notMine =
    (state.status === 'signed-out' && instance.data?.needs_setup === false) || (signedIn && !admin);
  useEffect(() => {
    if (notMine) router.replace(signedIn ? '/chat' : '/login');
  }, [notMine, signedIn, router]);

  const connected = models.data?.items.some(({ available }) => available) === true;
  const step: Step = !admin ? 'account' : connected || skipped ? 'ask' : 'models';

  return (
    <AuthFrame wide title={t(`${step}.title`)} lead={t(`${step}.lead`)}>
      <Steps at={step} />
      {instance.error && (
        <Banner kind="danger" title={explain.error(instance.error).title}>
          {explain.error(instance.error).detail}
        </Banner>
      )}
      {!instance.data && !instance.error && <Spinner className="mx-auto block" />}
      {step === 'account' && instance.data?.needs_setup && (
        <RegisterForm
          minLength={instance.data.password_min_length}
          invitation={null}
          submitLabel={t('account.submit')}
          onDone={() => void instance.refetch()}
        />
      )}
      {step === 'models' && (
        <div className="flex flex-col gap-6">
          <ConnectNode onConnected={() => void models.refetch()} />
          <Button kind="quiet" className="self-center" onClick={() => setSkipped(true)}>
            {t('models.later')}
          </Button>
        </div>
      )}
      {step === 'ask' &&
        (connected ? (
          <FirstQuestion />
        ) : (
          <Button kind="primary" size="lg" className="w-full" onClick={() => router.push('/chat')}>
            {t('ask.open')}
          </Button>
        ))}
    </AuthFrame>
  );
}
