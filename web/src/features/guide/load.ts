import type { Locale } from '@/platform/i18n';
import type { Chapter } from './chapter';

/** One chunk a language, as with the texts of the pages. */
export const load: Record<Locale, () => Promise<{ chapters: readonly Chapter[] }>> = {
  ko: () => import('./content/ko'),
  en: () => import('./content/en'),
  ja: () => import('./content/ja'),
  'zh-CN': () => import('./content/zh-CN'),
};
