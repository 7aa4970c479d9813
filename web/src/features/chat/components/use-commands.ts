'use client';

import { useRouter } from 'next/navigation';
import { useConversationActions } from '@/features/conversations';
import type { Conversation, Message } from '@/platform/api/types';
import { ask } from '@/platform/commands';
import { showConversation } from '@/platform/route';
import type { SlashCommand } from '../commands';

/** The commands that mean something here and now. */
export function useCommands(
  conversation: Conversation | null,
  messages: readonly Message[],
): readonly SlashCommand[] {
  const router = useRouter();
  const actions = useConversationActions(conversation, true);
  const simple = (name: SlashCommand['name'], run: () => void): SlashCommand => ({
    name,
    words: false,
    run,
  });
  const answered = messages.some(({ role, content }) => role === 'assistant' && content !== '');
  return [
    simple('new', () => showConversation(null)),
    simple('model', () => ask('choose-model')),
    simple('options', () => ask('chat-options')),
    ...(answered ? [simple('copy', () => ask('copy-answer'))] : []),
    ...(conversation
      ? [
          {
            name: 'rename' as const,
            words: true,
            run: (title: string) => actions.rename(title.slice(0, 200)),
          },
          simple('pin', actions.pin),
          simple('archive', actions.archive),
          simple('export', () => actions.save('markdown')),
          simple('export-json', () => actions.save('json')),
          simple('delete', actions.remove),
        ]
      : []),
    simple('search', () => ask('palette')),
    simple('settings', () => router.push('/settings')),
    simple('help', () => ask('help')),
  ];
}
