'use client';

import { usePathname, useRouter, useSearchParams } from 'next/navigation';
import type { ComponentProps, MouseEvent } from 'react';

/** The conversation that the address names. */
export function useConversationId(): string | null {
  return useSearchParams().get('c');
}

/** Where a conversation, or a new one, is to be found. */
export function chatPath(id: string | null, pathname = '/chat'): string {
  const base = pathname === '/' ? '/' : '/chat';
  return id === null ? base : `${base}?c=${encodeURIComponent(id)}`;
}

/** Shows a conversation without leaving the chat page. */
export function showConversation(id: string | null): void {
  window.history.pushState(null, '', chatPath(id, window.location.pathname));
}

/** Gives the conversation that was just begun its address. */
export function nameConversation(id: string): void {
  window.history.replaceState(null, '', chatPath(id, window.location.pathname));
}

/** Whether the chat page is shown, where conversations change in place. */
export function useOnChatPage(): boolean {
  const pathname = usePathname();
  return pathname === '/' || pathname === '/chat';
}

/** Whether a click asks for this page, not for a new tab or a download. */
export function isPlainClick(event: MouseEvent): boolean {
  return event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
}

/**
 * A link to a conversation. Within the chat page it asks the server for
 * nothing: all conversations share one page.
 */
export function ConversationLink({
  id,
  onClick,
  ...props
}: { id: string | null } & Omit<ComponentProps<'a'>, 'href' | 'id'>) {
  const here = useOnChatPage();
  const pathname = usePathname();
  const router = useRouter();
  return (
    <a
      {...props}
      href={chatPath(id, pathname)}
      onClick={(event) => {
        onClick?.(event);
        if (event.defaultPrevented || !isPlainClick(event)) return;
        event.preventDefault();
        if (here) showConversation(id);
        else router.push(chatPath(id));
      }}
    />
  );
}
