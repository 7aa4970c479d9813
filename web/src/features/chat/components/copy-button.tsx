'use client';

import { Check, Copy } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useTranslations } from 'use-intl';
import { copyText } from '@/platform/files';
import { IconButton } from '@/ui/button';

/** Copies a message as it was written. */
export function CopyButton({ text }: { text: string }) {
  const t = useTranslations('code');
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2_000);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <IconButton
      label={copied ? t('copied') : t('copy')}
      size="sm"
      onClick={() => void copyText(text).then(setCopied)}
    >
      {copied ? <Check className="size-4 text-success" /> : <Copy className="size-4" />}
    </IconButton>
  );
}
