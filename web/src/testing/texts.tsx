import type { ReactNode } from 'react';
import { IntlProvider } from 'use-intl';
import en from '../../messages/en.json';

/** English texts around what is tested; a missing one fails the test. */
export function Texts({ children }: { children: ReactNode }) {
  return (
    <IntlProvider
      locale="en"
      messages={en}
      timeZone="UTC"
      onError={(error) => {
        throw error;
      }}
    >
      {children}
    </IntlProvider>
  );
}
