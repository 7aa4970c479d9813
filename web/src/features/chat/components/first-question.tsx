'use client';

import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { useExplain } from '@/platform/errors';
import { chatPath } from '@/platform/route';
import { Banner } from '@/ui/banner';
import { ask, outbox } from '../engine';
import { useOutgoing } from '../hooks';
import type { Picture } from '../outbox';
import { Composer } from './composer';
import { Suggestions } from './welcome';

/** The end of the setup: a first message, answered on the chat page. */
export function FirstQuestion() {
  const t = useTranslations('chat');
  const router = useRouter();
  const client = useQueryClient();
  const explain = useExplain();
  const outgoing = useOutgoing(null);
  const [text, setText] = useState('');
  const [pictures, setPictures] = useState<Picture[]>([]);
  const open = (id: string) => router.push(chatPath(id));
  const failed = outgoing?.state === 'failed' ? explain.error(outgoing.error) : null;

  function send() {
    // Perhaps edited since it failed: a question of its own, not the old one again.
    if (outgoing) outbox.remove(outgoing.key);
    ask(
      client,
      {
        conversationId: null,
        parentId: undefined,
        text: text.trim(),
        pictures,
        model: null,
        compareModel: null,
        options: null,
      },
      open,
    );
  }

  return (
    <div className="flex flex-col gap-4">
      <Suggestions onChoose={setText} />
      {failed && (
        <Banner kind="danger" title={t('notSent', { why: failed.title })}>
          {failed.detail}
        </Banner>
      )}
      <Composer
        text={text}
        pictures={pictures}
        running={false}
        disabled={outgoing?.state === 'sending'}
        focusKey="first"
        onText={setText}
        onPictures={setPictures}
        onSend={send}
        onStop={() => undefined}
      />
    </div>
  );
}
