'use client';

import { usePathname, useRouter, useSearchParams } from 'next/navigation';
import type { ComponentProps, MouseEvent } from 'react';

/** The conversation that the address names. */
export function useConversationId(): string | null {
  return useSearchParams().get('c');
}

/** The message of it that the address asks to be shown. */
export function useAskedMessage(): string | null {
  return useSearchParams().get('m');
}

/** Where a conversation, one of its messages, or a new one is to be found. */
export function chatPath(id: string | null, pathname = '/chat', message?: string): string {
  const base = pathname === '/' ? '/' : '/chat';
  if (id === null) return base;
  const query = new URLSearchParams({ c: id, ...(message ? { m: message } : {}) });
  return `${base}?${query}`;
}

/** Shows a conversation, or one message of it, without leaving the chat page. */
export function showConversation(id: string | null, message?: string): void {
  window.history.pushState(null, '', chatPath(id, window.location.pathname, message));
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

/** Changes what the address asks of this page, without a step in the history. */
export function replaceQuery(change: Record<string, string | null>): void {
  const query = new URLSearchParams(window.location.search);
  for (const [name, value] of Object.entries(change)) {
    if (value === null) query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  const { pathname } = window.location;
  window.history.replaceState(null, '', text === '' ? pathname : `${pathname}?${text}`);
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
  message,
  onClick,
  ...props
}: {
  id: string | null;
  /** The message to go to; where one was, unless named. */
  message?: string | undefined;
} & Omit<ComponentProps<'a'>, 'href' | 'id'>) {
  const here = useOnChatPage();
  const pathname = usePathname();
  const router = useRouter();
  return (
    <a
      {...props}
      href={chatPath(id, pathname, message)}
      onClick={(event) => {
        onClick?.(event);
        if (event.defaultPrevented || !isPlainClick(event)) return;
        event.preventDefault();
        if (here) showConversation(id, message);
        else router.push(chatPath(id, '/chat', message));
      }}
    />
  );
}

/** A link to another page of ours, which loads it without leaving this one. */
export function PageLink({
  href,
  onClick,
  ...props
}: { href: string } & Omit<ComponentProps<'a'>, 'href'>) {
  const router = useRouter();
  return (
    <a
      {...props}
      href={href}
      onClick={(event) => {
        onClick?.(event);
        if (event.defaultPrevented || !isPlainClick(event)) return;
        event.preventDefault();
        router.push(href);
      }}
    />
  );
}
