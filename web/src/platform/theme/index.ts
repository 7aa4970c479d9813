'use client';

import { useSyncExternalStore } from 'react';
import { Listeners } from '../listeners';
import { readStored, writeStored } from '../storage';

/** What a person can choose. */
export const THEMES = ['dark', 'light', 'system'] as const;
export type Theme = (typeof THEMES)[number];

const changed = new Listeners();
const LIGHT = '(prefers-color-scheme: light)';

function chosen(): Theme {
  const stored = readStored('openmake.theme');
  return THEMES.find((theme) => theme === stored) ?? 'dark';
}

function apply(): void {
  const theme = chosen();
  const light = theme === 'system' ? window.matchMedia(LIGHT).matches : theme === 'light';
  document.documentElement.dataset.theme = light ? 'light' : 'dark';
}

/** Follows the device and other tabs; `theme-init.js` set the first look. */
export function followTheme(): () => void {
  const media = window.matchMedia(LIGHT);
  const update = () => {
    apply();
    changed.emit();
  };
  media.addEventListener('change', update);
  window.addEventListener('storage', update);
  return () => {
    media.removeEventListener('change', update);
    window.removeEventListener('storage', update);
  };
}

/** The choice, and how to make another. */
export function useTheme(): [Theme, (theme: Theme) => void] {
  const theme = useSyncExternalStore(changed.add, chosen, () => 'dark' as const);
  return [
    theme,
    (next) => {
      writeStored('openmake.theme', next);
      apply();
      changed.emit();
    },
  ];
}
