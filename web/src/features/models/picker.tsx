'use client';

import { useQuery } from '@tanstack/react-query';
import {
  Brain,
  Check,
  ChevronDown,
  Columns2,
  Eye,
  Search,
  Sparkles,
  Wrench,
  X,
} from 'lucide-react';
import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { useTranslations } from 'use-intl';
import type { Model } from '@/platform/api/types';
import { onCommand } from '@/platform/commands';
import { IconButton } from '@/ui/button';
import { cx } from '@/ui/cx';
import { Popover } from '@/ui/popover';
import { modelsQuery } from './api';
import { contextLabel, filterModels, isForChat } from './model';

const MARKS = [
  { capability: 'tools', icon: <Wrench className="size-3.5" /> },
  { capability: 'vision', icon: <Eye className="size-3.5" /> },
  { capability: 'thinking', icon: <Brain className="size-3.5" /> },
] as const;

function Marks({ model }: { model: Model }) {
  const t = useTranslations('models');
  return (
    <span className="flex shrink-0 items-center gap-1.5 text-muted">
      {MARKS.filter(({ capability }) => model.capabilities.includes(capability)).map(
        ({ capability, icon }) => (
          <span
            key={capability}
            role="img"
            aria-label={t(`capability.${capability}`)}
            title={t(`capability.${capability}`)}
          >
            {icon}
          </span>
        ),
      )}
      {model.context_length ? (
        <span className="text-xs tabular-nums" title={t('context')}>
          {contextLabel(model.context_length)}
        </span>
      ) : null}
    </span>
  );
}

function Option({
  model,
  id,
  chosen,
  active,
  onChoose,
}: {
  model: Model;
  id: string;
  chosen: boolean;
  active: boolean;
  onChoose: () => void;
}) {
  const t = useTranslations('models');
  const below = model.kind === 'profile' ? model.description : model.nodes.join(', ');
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the list's, at its input
    // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the input, which names the active one
    <div
      id={id}
      role="option"
      aria-selected={chosen}
      aria-disabled={!model.available}
      onClick={() => model.available && onChoose()}
      ref={(element) => {
        if (active) element?.scrollIntoView({ block: 'nearest' });
      }}
      className={cx(
        'flex cursor-pointer items-center gap-3 rounded-sm px-3 py-2 text-sm',
        active ? 'bg-hover' : 'hover:bg-hover',
        !model.available && 'cursor-not-allowed opacity-55',
      )}
    >
      <span className="min-w-0 flex-1">
        <span className="flex items-center gap-2">
          <span className="truncate font-medium">{model.name}</span>
          {!model.available && <span className="text-muted text-xs">{t('unavailable')}</span>}
        </span>
        {below && <span className="block truncate text-muted text-xs">{below}</span>}
      </span>
      <Marks model={model} />
      <Check className={cx('size-4 shrink-0 text-accent-text', !chosen && 'invisible')} />
    </div>
  );
}

/** A searchable list of models: profiles first, then the real ones. */
export function ModelList({
  models,
  value,
  takesFocus = false,
  onChoose,
}: {
  models: readonly Model[];
  value: string | null;
  /** The search takes the focus when the list appears. */
  takesFocus?: boolean;
  onChoose: (id: string) => void;
}) {
  const t = useTranslations('models');
  const listId = useId();
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (takesFocus) field.current?.focus();
  }, [takesFocus]);
  const [search, setSearch] = useState('');
  const [active, setActive] = useState(0);
  const shown = filterModels(models.filter(isForChat), search);
  const profiles = shown.filter(({ kind }) => kind === 'profile');
  const ordered = [...profiles, ...shown.filter(({ kind }) => kind !== 'profile')];

  function onKeyDown(event: KeyboardEvent) {
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'ArrowDown') setActive(Math.min(active + 1, ordered.length - 1));
    else if (event.key === 'ArrowUp') setActive(Math.max(active - 1, 0));
    else if (event.key === 'Enter') {
      const model = ordered[active];
      if (model?.available) onChoose(model.id);
    } else return;
    event.preventDefault();
  }

  const group = (title: string, items: Model[], offset: number): ReactNode =>
    items.length > 0 && (
      // biome-ignore lint/a11y/useSemanticElements: groups of a listbox are not fieldsets
      <div role="group" aria-label={title}>
        <p role="presentation" className="px-3 pt-2 pb-1 font-medium text-muted text-xs">
          {title}
        </p>
        {items.map((model, index) => (
          <Option
            key={model.id}
            model={model}
            id={`${listId}-${offset + index}`}
            chosen={model.id === value}
            active={offset + index === active}
            onChoose={() => onChoose(model.id)}
          />
        ))}
      </div>
    );

  return (
    <div className="flex max-h-[min(28rem,70dvh)] w-[min(25rem,calc(100vw-1.5rem))] flex-col">
      <div className="flex items-center gap-2 border-line border-b px-3.5">
        <Search className="size-4 shrink-0 text-muted" />
        <input
          ref={field}
          type="text"
          role="combobox"
          aria-expanded="true"
          aria-controls={listId}
          aria-activedescendant={ordered.length > 0 ? `${listId}-${active}` : undefined}
          aria-label={t('search')}
          placeholder={t('search')}
          value={search}
          onChange={(event) => {
            setSearch(event.target.value);
            setActive(0);
          }}
          onKeyDown={onKeyDown}
          className="h-11 w-full bg-transparent text-sm outline-none"
        />
      </div>
      <div
        id={listId}
        role="listbox"
        aria-label={t('choose')}
        className="scroll-quiet min-h-0 flex-1 overflow-y-auto p-1.5"
      >
        {group(t('profiles'), profiles, 0)}
        {group(t('real'), ordered.slice(profiles.length), profiles.length)}
      </div>
      {ordered.length === 0 && (
        <p role="status" className="px-4 pb-5 text-center text-muted text-sm">
          {t('none')}
        </p>
      )}
    </div>
  );
}

/** The button that says which model answers, and lets one choose another, or a second one. */
export function ModelPicker({
  value,
  onChange,
  compared,
  onCompare,
}: {
  value: string | null;
  onChange: (id: string) => void;
  /** The second model of the next question. */
  compared: string | null;
  onCompare: (id: string | null) => void;
}) {
  const t = useTranslations('models');
  const { data } = useQuery(modelsQuery);
  const [open, setOpen] = useState<'one' | 'second' | null>(null);
  useEffect(() => onCommand((command) => command === 'choose-model' && setOpen('one')), []);
  const models = data?.items ?? [];
  const nameOf = (id: string | null) => models.find((model) => model.id === id)?.name ?? id;
  const others = models.filter(({ id }) => id !== value);
  return (
    <>
      <Popover
        open={open !== null}
        onOpenChange={(next) => setOpen(next ? 'one' : null)}
        label={open === 'second' ? t('chooseSecond') : t('choose')}
        trigger={
          <button
            type="button"
            aria-label={t('current', { name: nameOf(value) ?? t('choose') })}
            className="inline-flex h-9 min-w-0 items-center gap-2 rounded-sm px-2.5 font-medium text-[0.9375rem] hover:bg-hover"
          >
            <Sparkles className="size-4 shrink-0 text-accent-text" />
            <span className="truncate">{nameOf(value) ?? t('choose')}</span>
            <ChevronDown className="size-4 shrink-0 text-muted" />
          </button>
        }
      >
        {open === 'second' && (
          <p className="px-3.5 pt-3 pb-1 font-medium text-sm">
            {t('compareWith', { name: nameOf(value) ?? '' })}
          </p>
        )}
        <ModelList
          // Another list, with its own search and its own active entry.
          key={open}
          takesFocus
          models={open === 'second' ? others : models}
          value={open === 'second' ? compared : value}
          onChoose={(id) => {
            if (open === 'second') onCompare(id);
            else onChange(id);
            setOpen(null);
          }}
        />
        {open !== 'second' && value !== null && others.some(isForChat) && (
          <div className="border-line border-t p-1.5">
            <button
              type="button"
              onClick={() => setOpen('second')}
              className="flex w-full items-center gap-2.5 rounded-sm px-3 py-2 text-sm hover:bg-hover"
            >
              <Columns2 className="size-4 text-accent-text" />
              {t('compare')}
            </button>
          </div>
        )}
      </Popover>
      {compared !== null && (
        <span className="inline-flex h-9 min-w-0 items-center gap-1.5 rounded-sm border border-line ps-2.5 text-sm">
          <Columns2 aria-hidden="true" className="size-4 shrink-0 text-accent-text" />
          <span className="sr-only">{t('comparedWith')}</span>
          <span className="truncate">{nameOf(compared)}</span>
          <IconButton label={t('compareNot')} size="sm" onClick={() => onCompare(null)}>
            <X className="size-4" />
          </IconButton>
        </span>
      )}
    </>
  );
}
