'use client';

import { useSearchParams } from 'next/navigation';
import { useEffect, useMemo, useState } from 'react';
import { useTranslations } from 'use-intl';
import { useConversationActions } from '@/features/conversations';
import { PageHeader } from '@/features/frame';
import { ModelPicker } from '@/features/models';
import { preloadMarkdown } from '@/markdown';
import { isNotFound } from '@/platform/api/problem';
import type { Conversation, Message } from '@/platform/api/types';
import { onCommand } from '@/platform/commands';
import { readDraft, writeDraft } from '@/platform/drafts';
import { useExplain } from '@/platform/errors';
import { copyText } from '@/platform/files';
import { ConversationLink, replaceQuery, useConversationId } from '@/platform/route';
import { Banner, Empty } from '@/ui/banner';
import { Button } from '@/ui/button';
import { Spinner } from '@/ui/spinner';
import { toast } from '@/ui/toast';
import { useAsked } from '../asked';
import { type Shown, useChatActions, useModel, useOutgoing, useQueue, useShown } from '../hooks';
import type { Outgoing, Picture } from '../outbox';
import { pairOf } from '../pairs';
import { sharedText } from '../shared';
import { useCompared, useOptions } from '../use-options';
import { Announcer } from './announcer';
import { GoesOn } from './comparison';
import { Composer } from './composer';
import { OptionsDrawer } from './options-drawer';
import { OutgoingQuestion } from './question';
import { QueuedQuestions } from './queued';
import { Transcript } from './transcript';
import { useCommands } from './use-commands';
import { Welcome } from './welcome';

/** What is typed, kept per conversation. */
function useDraft(id: string | null) {
  const [state, setState] = useState(() => ({ id, text: readDraft(id) }));
  const [pictures, setPictures] = useState<Picture[]>([]);
  if (state.id !== id) {
    setState({ id, text: readDraft(id) });
    setPictures([]);
  }
  return {
    text: state.text,
    pictures,
    setPictures,
    setText: (text: string) => {
      setState({ id, text });
      writeDraft(id, text);
    },
  };
}

/** Takes what another app shared into the text of a new question. */
function useShared(id: string | null, draft: { text: string; setText: (text: string) => void }) {
  const query = useSearchParams();
  useEffect(() => {
    // Read where it is, not from `query`: it is taken once, whatever runs again.
    const shared = query.size > 0 && id === null ? sharedText(window.location.search) : null;
    if (shared === null) return;
    replaceQuery({ title: null, text: null, url: null });
    // What was being written stays.
    draft.setText(draft.text === '' ? shared : `${draft.text}\n\n${shared}`);
  }, [id, query, draft]);
}

/** Copies the last answer when the keys for it are pressed. */
function useCopyKeys(messages: readonly Message[]) {
  const t = useTranslations('code');
  useEffect(
    () =>
      onCommand((command) => {
        const answer = messages.findLast(({ role, content }) => role === 'assistant' && content);
        if (command !== 'copy-answer' || !answer) return;
        void copyText(answer.content).then((done) => done && toast(t('copied')));
      }),
    [messages, t],
  );
}

function DeletedNotice({ conversation }: { conversation: Conversation }) {
  const t = useTranslations('chat');
  const { restore } = useConversationActions(conversation, true);
  return (
    <Banner
      kind="warning"
      title={t('isDeleted')}
      action={
        <Button size="sm" onClick={restore}>
          {t('restore')}
        </Button>
      }
    />
  );
}

function Problem({ shown }: { shown: Shown }) {
  const t = useTranslations('chat');
  const common = useTranslations('common');
  const explain = useExplain();
  if (isNotFound(shown.error)) {
    return (
      <Empty title={t('notFound')}>
        <p>{t('notFoundHelp')}</p>
        <ConversationLink
          id={null}
          className="mt-3 inline-block font-medium text-accent-text hover:underline"
        >
          {t('startNew')}
        </ConversationLink>
      </Empty>
    );
  }
  const said = explain.error(shown.error);
  return (
    <div className="w-full max-w-md px-4">
      <Banner
        kind="danger"
        title={said.title}
        action={
          <Button size="sm" onClick={shown.retry}>
            {common('retry')}
          </Button>
        }
      >
        {said.detail}
      </Banner>
    </div>
  );
}

/** / and /chat */
export function ChatPage() {
  const t = useTranslations('chat');
  const id = useConversationId();
  const shown = useShown(id);
  const outgoing = useOutgoing(id);
  const asked = useAsked(id, shown);
  const [model, setModel] = useModel(shown.conversation);
  const actions = useChatActions(id, shown.tree);
  const options = useOptions(id, shown.conversation);
  const [compared, setCompared] = useCompared(id, model);
  const draft = useDraft(id);
  useShared(id, draft);
  const [nudges, setNudges] = useState(0);

  useEffect(preloadMarkdown, []);
  const sidebar = useTranslations('sidebar');
  const title = shown.conversation?.title;
  useEffect(() => {
    document.title = title ? `${title} · OpenMake` : 'OpenMake';
  }, [title]);

  const last = shown.messages.at(-1);
  const pair = useMemo(() => pairOf(shown.tree, last), [shown.tree, last]);
  const writing = (pair ? [pair.first, pair.second] : [last]).flatMap((answer) =>
    answer?.status === 'running' && answer.turn_id ? [answer.turn_id] : [],
  );
  const runningTurn = writing[0] ?? null;
  // An edited question stands where the one it replaces stood.
  const cut =
    outgoing?.parentId === undefined
      ? -1
      : shown.messages.findIndex(({ parent_id }) => (parent_id ?? null) === outgoing.parentId);
  const messages = useMemo(
    () => (cut < 0 ? shown.messages : shown.messages.slice(0, cut)),
    [cut, shown.messages],
  );
  const deleted = shown.conversation?.deleted_at != null;
  useCopyKeys(messages);
  const commands = useCommands(shown.conversation, messages);
  const idle = runningTurn === null && outgoing === null && !shown.loading;
  const queued = useQueue(id, idle);

  function send() {
    const question = {
      text: draft.text.trim(),
      pictures: draft.pictures,
      model,
      compareModel: compared,
    };
    if (runningTurn !== null) queued.add(question);
    else actions.ask({ ...question, ...(pair ? { parentId: pair.first.id } : {}) });
    setCompared(null);
    draft.setText('');
    draft.setPictures([]);
  }

  function takeBack(item: Outgoing) {
    actions.discard(item.key);
    if (draft.text === '') draft.setText(item.text);
    if (draft.pictures.length === 0) draft.setPictures(item.pictures);
  }

  const begun = messages.length > 0 || outgoing !== null;
  return (
    <>
      <PageHeader>
        <ModelPicker
          value={model}
          onChange={setModel}
          compared={compared}
          onCompare={setCompared}
        />
        {begun && (
          <h1 className="ms-auto min-w-0 truncate pe-2 text-muted text-sm max-lg:sr-only">
            {title || sidebar('untitled')}
          </h1>
        )}
      </PageHeader>
      <main className="flex min-h-0 flex-1 flex-col">
        {shown.error ? (
          <div className="grid flex-1 place-items-center">
            <Problem shown={shown} />
          </div>
        ) : shown.loading ? (
          <div className="grid flex-1 place-items-center text-muted">
            <Spinner className="size-6" />
          </div>
        ) : begun ? (
          <Transcript
            key={id ?? 'new'}
            id={id}
            messages={messages}
            tree={shown.tree}
            model={model}
            actions={actions}
            asked={asked}
          >
            {outgoing && (
              <OutgoingQuestion outgoing={outgoing} actions={actions} onTakeBack={takeBack} />
            )}
          </Transcript>
        ) : (
          <div className="min-h-0 flex-1 overflow-y-auto">
            <Welcome
              onSuggest={(text) => {
                draft.setText(text);
                setNudges(nudges + 1);
              }}
            />
          </div>
        )}
        {!shown.error && (
          <div className="mx-auto w-full max-w-(--column) px-3 pb-[max(0.75rem,env(safe-area-inset-bottom))] sm:px-6">
            {deleted && shown.conversation ? (
              <DeletedNotice conversation={shown.conversation} />
            ) : (
              <>
                {pair && <GoesOn pair={pair} />}
                <QueuedQuestions idle={idle} actions={queued} />
                <Composer
                  tools={<OptionsDrawer model={model} isNew={id === null} chat={options} />}
                  commands={commands}
                  text={draft.text}
                  pictures={draft.pictures}
                  running={runningTurn !== null}
                  disabled={outgoing?.state === 'sending' || shown.loading}
                  focusKey={`${id ?? 'new'} ${nudges}`}
                  onText={draft.setText}
                  onPictures={draft.setPictures}
                  onSend={send}
                  onStop={() => writing.forEach(actions.stop)}
                />
              </>
            )}
            <p className="pt-2 text-center text-muted text-xs">{t('mayErr')}</p>
          </div>
        )}
      </main>
      <Announcer turnId={runningTurn} />
    </>
  );
}
