'use client';

import { useQuery } from '@tanstack/react-query';
import { Search, SearchX } from 'lucide-react';
import { useDeferredValue, useState } from 'react';
import { useTranslations } from 'use-intl';
import { useExplain } from '@/platform/errors';
import { Banner, Empty } from '@/ui/banner';
import { Button } from '@/ui/button';
import { cx } from '@/ui/cx';
import { Spinner } from '@/ui/spinner';
import { apiDocumentQuery } from './api';
import { type Field, type Group, type Operation, searched } from './document';

const METHOD: Record<string, string> = {
  GET: 'text-accent-text',
  DELETE: 'text-danger',
};

function Fields({ title, fields }: { title: string; fields: readonly Field[] }) {
  const t = useTranslations('developer');
  if (fields.length === 0) return null;
  return (
    <div>
      <h4 className="font-medium text-sm">{title}</h4>
      <dl className="mt-1.5 divide-y divide-line rounded-sm border border-line">
        {fields.map((field) => (
          <div
            key={`${field.where} ${field.name}`}
            className="grid gap-x-4 gap-y-0.5 px-3 py-2 text-sm sm:grid-cols-[minmax(9rem,1fr)_2.4fr]"
          >
            <dt className="min-w-0">
              <code className="break-all font-mono text-[0.8125rem]">{field.name}</code>
              <span className="block text-muted text-xs">
                {field.where && `${field.where} · `}
                {field.required ? t('required') : t('optional')}
              </span>
            </dt>
            <dd className="min-w-0">
              <code className="break-words font-mono text-muted text-xs">{field.type}</code>
              {field.description && <p lang="en">{field.description}</p>}
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

function OperationRow({ operation }: { operation: Operation }) {
  const t = useTranslations('developer');
  const [open, setOpen] = useState(false);
  return (
    <li>
      {/* What nobody opened is not drawn: there are many. */}
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary className="flex flex-wrap items-baseline gap-x-3 gap-y-0.5 rounded-sm px-3 py-2.5 hover:bg-hover">
          <code
            className={cx(
              'w-14 shrink-0 font-mono font-semibold text-xs',
              METHOD[operation.method] ?? 'text-success',
            )}
          >
            {operation.method}
          </code>
          <code className="min-w-0 break-all font-mono text-sm">{operation.path}</code>
          <span lang="en" className="line-clamp-1 w-full text-muted text-xs sm:ps-17">
            {operation.summary}
          </span>
        </summary>
        {open && (
          <div className="flex flex-col gap-4 px-3 pt-1 pb-4 sm:ps-20">
            <p lang="en" className="text-soft text-sm">
              {operation.summary}
            </p>
            <Fields title={t('parameters')} fields={operation.parameters} />
            <Fields title={t('body')} fields={operation.body} />
            <div className="flex flex-col gap-1.5">
              <p className="text-sm">
                <span className="font-medium">{t('success')}</span>{' '}
                <span lang="en" className="text-muted">
                  {operation.answers}
                </span>
              </p>
              <Fields title={t('answerFields')} fields={operation.answer} />
            </div>
          </div>
        )}
      </details>
    </li>
  );
}

function Groups({ groups, text }: { groups: readonly Group[]; text: string }) {
  const t = useTranslations('developer');
  const found = searched(groups, text);
  const count = found.reduce((sum, { operations }) => sum + operations.length, 0);
  return (
    <>
      <p role="status" className="text-muted text-sm">
        {t('count', { count })}
      </p>
      {count === 0 && <Empty icon={<SearchX />} title={t('nothingFound')} />}
      {found.map(({ tag, operations }) => (
        <section key={tag} aria-label={tag}>
          <h3 className="mt-2 mb-1 font-semibold capitalize">{tag}</h3>
          <ul className="divide-y divide-line rounded-md border border-line">
            {operations.map((operation) => (
              <OperationRow key={operation.id} operation={operation} />
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}

/** Everything that the API does, from the server's own description. */
export function Reference() {
  const t = useTranslations('developer');
  const common = useTranslations('common');
  const explain = useExplain();
  const document = useQuery(apiDocumentQuery);
  const [text, setText] = useState('');
  const settled = useDeferredValue(text);
  return (
    <div className="flex flex-col gap-3">
      <div className="relative">
        <Search className="pointer-events-none absolute inset-y-0 start-3.5 my-auto size-4 text-muted" />
        <input
          type="search"
          aria-label={t('search')}
          placeholder={t('search')}
          value={text}
          maxLength={100}
          onChange={(event) => setText(event.target.value)}
          className="h-11 w-full rounded-sm border border-line-control bg-glass ps-10 pe-4 text-sm hover:border-muted focus:border-accent focus:outline-none"
        />
      </div>
      {document.isPending && <Spinner />}
      {document.error && (
        <Banner
          kind="danger"
          title={explain.error(document.error).title}
          action={
            <Button size="sm" onClick={() => void document.refetch()}>
              {common('retry')}
            </Button>
          }
        />
      )}
      {document.data && <Groups groups={document.data} text={settled} />}
    </div>
  );
}
