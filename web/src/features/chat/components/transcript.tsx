'use client';

import { ArrowDown } from 'lucide-react';
import { type ReactNode, useLayoutEffect, useRef, useState } from 'react';
import { useTranslations } from 'use-intl';
import type { Message } from '@/platform/api/types';
import { Button, IconButton } from '@/ui/button';
import type { ChatActions } from '../hooks';
import { useStickToEnd } from '../scroll';
import { type Tree, versions } from '../tree';
import { Answer } from './answer';
import { Question } from './question';

/** So many messages are built at first, and with each step back. */
const WINDOW = 60;

/** The branch that is shown, its end in view. */
export function Transcript({
  messages,
  tree,
  model,
  actions,
  children,
}: {
  messages: readonly Message[];
  tree: Tree;
  model: string | null;
  actions: ChatActions;
  children?: ReactNode;
}) {
  const t = useTranslations('chat');
  const box = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const { away, toEnd } = useStickToEnd(box, content);
  const [count, setCount] = useState(WINDOW);
  const heightBefore = useRef<number | null>(null);
  const shown = messages.slice(-count);

  // Earlier messages come in above: what is being read stays where it is.
  // biome-ignore lint/correctness/useExhaustiveDependencies: after each step back
  useLayoutEffect(() => {
    const element = box.current;
    if (!element || heightBefore.current === null) return;
    element.scrollTop += element.scrollHeight - heightBefore.current;
    heightBefore.current = null;
  }, [count]);

  return (
    <div className="relative min-h-0 flex-1">
      <div ref={box} tabIndex={0} className="scroll-quiet h-full overflow-y-auto">
        <div
          ref={content}
          role="log"
          aria-label={t('transcript')}
          aria-live="off"
          className="mx-auto flex w-full max-w-(--column) flex-col gap-7 px-4 pt-4 pb-10 sm:px-6"
        >
          {messages.length > shown.length && (
            <Button
              size="sm"
              className="self-center"
              onClick={() => {
                heightBefore.current = box.current?.scrollHeight ?? null;
                setCount(count + WINDOW);
              }}
            >
              {t('earlier', { count: messages.length - shown.length })}
            </Button>
          )}
          {shown.map((message, index) =>
            message.role === 'assistant' ? (
              <Answer
                key={message.id}
                message={message}
                versions={versions(tree, message)}
                last={index === shown.length - 1}
                actions={actions}
              />
            ) : message.role === 'user' ? (
              <Question
                key={message.id}
                message={message}
                versions={versions(tree, message)}
                model={model}
                actions={actions}
              />
            ) : null,
          )}
          {children}
        </div>
      </div>
      {away && (
        <IconButton
          label={t('toEnd')}
          kind="plain"
          size="lg"
          round
          onClick={toEnd}
          className="float absolute bottom-3 left-1/2 -translate-x-1/2 animate-fade rounded-full!"
        >
          <ArrowDown className="size-5" />
        </IconButton>
      )}
    </div>
  );
}
