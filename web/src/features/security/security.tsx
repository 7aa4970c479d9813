'use client';

import { useQuery } from '@tanstack/react-query';
import { useExplain } from '@/platform/errors';
import { Banner } from '@/ui/banner';
import { Spinner } from '@/ui/spinner';
import { securityQuery } from './api';
import { Authenticator } from './authenticator';
import { Identities } from './identities';
import { Passkeys } from './passkeys';

/** What guards the person's account besides the password. */
export function SecurityControls() {
  const explain = useExplain();
  const security = useQuery(securityQuery);
  if (security.error) return <Banner kind="danger" title={explain.error(security.error).title} />;
  if (!security.data) return <Spinner />;
  return (
    <>
      <Authenticator security={security.data} />
      <Passkeys security={security.data} />
      <Identities security={security.data} />
    </>
  );
}
