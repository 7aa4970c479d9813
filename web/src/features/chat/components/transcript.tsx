'use client';

import { ArrowDown } from 'lucide-react';
import {
  memo,
  type ReactNode,
  type RefObject,
  useCallback,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from 'react';
import { useTranslations } from 'use-intl';
import type { Message } from '@/platform/api/types';
import { IconButton } from '@/ui/button';
import { cx } from '@/ui/cx';
import type { Asked } from '../asked';
import { type ChatActions, useOlder } from '../hooks';
import { pairOf } from '../pairs';
import { useRows } from '../rows';
import { useStickToEnd } from '../scroll';
import { type Tree, versions } from '../tree';
import { Answer } from './answer';
import { Comparison } from './comparison';
import { OlderMessages } from './older';
import { Question } from './question';

/** So near to the first message that was read, those above it are read. */
const READ_AHEAD = 12;

/** What keeps the place of messages that are not built. */
function Gap({ height }: { height: number }) {
  const set = useCallback(
    (element: HTMLDivElement | null) => {
      if (element) element.style.height = `${height}px`;
    },
    [height],
  );
  return <div ref={set} aria-hidden="true" />;
}

/** The messages that stand where each stands, made once for as long as the tree is the same. */
function useVersions(tree: Tree): (message: Message) => readonly Message[] {
  const made = useRef({ tree, known: new Map<string, readonly Message[]>() });
  if (made.current.tree !== tree) made.current = { tree, known: new Map() };
  const { known } = made.current;
  return (message) => {
    const found = known.get(message.id) ?? versions(tree, message);
    known.set(message.id, found);
    return found;
  };
}

/** Brings the message that is asked for into view, once it is there; which one was. */
function useFound(
  asked: Asked | null,
  index: number,
  box: RefObject<HTMLElement | null>,
  { leave, goTo }: { leave: () => void; goTo: (index: number) => void },
) {
  const [found, setFound] = useState<string | null>(null);
  const sought = index < 0 ? null : (asked?.message ?? null);
  const going = useRef<string | null>(null);
  useLayoutEffect(() => {
    if (sought === null) {
      going.current = null;
      return;
    }
    if (going.current !== sought) {
      going.current = sought;
      leave();
      goTo(index);
    }
    // It is built by one of the renderings that follow.
    const row = box.current?.querySelector<HTMLElement>(`[data-message="${CSS.escape(sought)}"]`);
    if (!row) return;
    row.scrollIntoView({ block: 'start' });
    row.tabIndex = -1;
    row.focus({ preventScroll: true });
    setFound(sought);
    asked?.onShown();
  });
  return { found, forget: () => setFound(null) };
}

/**
 * The branch that is shown, its end in view.
 *
 * Only what is near the window is built, so that the thousandth message costs
 * what the first did. The price: the browser's own find-in-page, "select all"
 * and a screen reader's list of articles see the built messages only. The
 * search in the sidebar finds words in all of them, `/copy` and the export give
 * the whole text, and reading on with the arrow keys builds what comes next.
 */
export const Transcript = memo(function Transcript({
  id,
  messages,
  tree,
  model,
  actions,
  asked,
  children,
}: {
  /** Under which the place in it is remembered. */
  id: string | null;
  messages: readonly Message[];
  tree: Tree;
  model: string | null;
  actions: ChatActions;
  /** A message to go to. */
  asked: Asked | null;
  children?: ReactNode;
}) {
  const t = useTranslations('chat');
  const box = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const last = useRef(0);
  const { rows, measure, keep, start, remembered, goTo } = useRows(id, messages, box, last);
  const older = useOlder(id, messages);
  const { away, toEnd, leave } = useStickToEnd(box, content, remembered, last);
  const askedIndex = asked ? messages.findIndex(({ id }) => id === asked.message) : -1;
  const { found, forget } = useFound(asked, askedIndex, box, { leave, goTo });
  const versionsOf = useVersions(tree);
  const lastIndex = messages.length - 1;
  const { more, busy, error, read, readAll } = older;
  // The reader asked for the very first message, which is not read yet.
  const toBeginning = useRef(false);
  const near = start < READ_AHEAD;
  useEffect(() => {
    if (error) toBeginning.current = false;
    // After a failure the reader says when to try again.
    if (!more || busy || error) return;
    if (toBeginning.current) readAll();
    else if (near) read();
  }, [near, more, busy, error, read, readAll]);
  useEffect(() => {
    // What came above kept what was looked at in its place: go on from there.
    if (more || !toBeginning.current) return;
    toBeginning.current = false;
    if (box.current) box.current.scrollTop = 0;
  }, [more]);

  const pair = pairOf(tree, messages[lastIndex]);
  const built = (message: Message, index: number): ReactNode =>
    pair && index === lastIndex ? (
      <Comparison first={pair.first} second={pair.second} actions={actions} />
    ) : message.role === 'assistant' ? (
      <Answer
        message={message}
        versions={versionsOf(message)}
        last={index === lastIndex}
        actions={actions}
      />
    ) : message.role === 'user' ? (
      <Question message={message} versions={versionsOf(message)} model={model} actions={actions} />
    ) : null;

  return (
    <div className="relative min-h-0 flex-1">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: what can be scrolled takes the keys that scroll */}
      <div
        ref={box}
        tabIndex={0}
        onKeyDown={(event) => {
          if (event.target !== event.currentTarget) return;
          // The browser would glide there, and messages that are measured on
          // the way would stop it.
          if (event.key === 'Home') {
            event.currentTarget.scrollTop = 0;
            if (more) {
              toBeginning.current = true;
              if (!busy) readAll();
            }
          } else if (event.key === 'End') toEnd();
          else return;
          event.preventDefault();
        }}
        onWheel={() => {
          toBeginning.current = false;
        }}
        className="scroll-quiet @container h-full overflow-y-auto [overflow-anchor:none]"
      >
        <div
          ref={content}
          role="log"
          aria-label={t('transcript')}
          aria-live="off"
          onFocus={keep}
          className="relative mx-auto w-full max-w-(--column) px-4 pb-3 sm:px-6"
        >
          {more && <OlderMessages older={older} />}
          {rows.map((row) => {
            if (row.kind === 'gap') return <Gap key={row.key} height={row.height} />;
            const message = messages[row.index];
            if (!message) return null;
            return (
              <div
                key={row.key}
                ref={row.measured ? measure : undefined}
                data-index={row.index}
                data-message={message.id}
                onAnimationEnd={(event) => {
                  if (event.target === event.currentTarget) forget();
                }}
                className={cx('flow-root pb-7', message.id === found && 'animate-found')}
              >
                {built(message, row.index)}
              </div>
            );
          })}
          {children && <div className="pb-7">{children}</div>}
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
});
