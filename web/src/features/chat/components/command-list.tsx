'use client';

import { type KeyboardEvent, useId, useState } from 'react';
import { useTranslations } from 'use-intl';
import { cx } from '@/ui/cx';
import { type Meant, meant, type SlashCommand } from '../commands';
import { isSendKey } from './keys';

/** What the list under a command's name needs to know and can do. */
interface CommandState {
  id: string;
  meant: Meant;
  active: number;
  choose: (command: SlashCommand) => void;
}

/**
 * The commands that the text may mean, and the keys that choose among them. Escape
 * puts the list away, and the text is an ordinary one.
 */
export function useCommandKeys(
  text: string,
  commands: readonly SlashCommand[],
  onText: (text: string) => void,
) {
  const id = useId();
  const [active, setActive] = useState({ text, at: 0 });
  const [putAway, setPutAway] = useState<string | null>(null);
  const found = meant(text, commands);
  const open = found.commands.length > 0 && putAway !== text;
  const at = active.text === text ? Math.min(active.at, found.commands.length - 1) : 0;

  function choose(command: SlashCommand) {
    if (command.words && found.words === '') {
      onText(`/${command.name} `);
      return;
    }
    onText('');
    command.run(found.words);
  }

  /** Whether the key was for the list. */
  function onKeyDown(event: KeyboardEvent): boolean {
    if (!open || event.nativeEvent.isComposing) return false;
    const command = found.commands[at];
    if (event.key === 'ArrowDown') {
      setActive({ text, at: (at + 1) % found.commands.length });
    } else if (event.key === 'ArrowUp') {
      setActive({ text, at: (at - 1 + found.commands.length) % found.commands.length });
    } else if (event.key === 'Escape') setPutAway(text);
    else if (command && isSendKey(event)) choose(command);
    else if (command && event.key === 'Tab' && !event.shiftKey) {
      if (text === `/${command.name}`) return false;
      onText(`/${command.name}${command.words ? ' ' : ''}`);
    } else return false;
    event.preventDefault();
    return true;
  }

  const state: CommandState | null = open ? { id, meant: found, active: at, choose } : null;
  return { state, onKeyDown, activeId: open ? `${id}-${at}` : undefined };
}

/** The commands, above the field in which one is being written. */
export function CommandList({ state }: { state: CommandState }) {
  const t = useTranslations('commands');
  const { id, meant: found, active, choose } = state;
  return (
    <div className="float absolute inset-x-0 bottom-full z-(--layer-float) mb-2 animate-fade">
      <div
        id={id}
        role="listbox"
        aria-label={t('label')}
        className="scroll-quiet max-h-[min(30.75rem,60dvh)] overflow-y-auto p-1.5"
      >
        {found.commands.map((command, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the list's, at its field
          // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the field, which names the active one
          <div
            key={command.name}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === active}
            // The field keeps the focus.
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => choose(command)}
            ref={(element) => {
              if (index === active) element?.scrollIntoView({ block: 'nearest' });
            }}
            className={cx(
              'flex min-h-9 cursor-pointer items-baseline gap-3 rounded-sm px-3 py-1.5 text-sm',
              index === active ? 'bg-hover' : 'hover:bg-hover',
            )}
          >
            <span className="shrink-0 font-mono text-accent-text">/{command.name}</span>
            <span className="min-w-0 truncate text-soft">
              {command.words && found.words !== ''
                ? t('renameTo', { title: found.words })
                : t(`does.${command.name}`)}
            </span>
          </div>
        ))}
      </div>
    </div>
  );
}
