/** The languages of the page, by the name that each gives itself. */
export const LOCALES = {
  ko: '한국어',
  en: 'English',
  ja: '日本語',
  'zh-CN': '简体中文',
} as const;

export type Locale = keyof typeof LOCALES;

/** Whether a text names one of our languages. */
export function isLocale(text: string | null | undefined): text is Locale {
  return text !== null && text !== undefined && Object.hasOwn(LOCALES, text);
}

/** The best of our languages for what a browser asks for, in its order. */
export function negotiate(wanted: readonly string[]): Locale {
  for (const tag of wanted) {
    if (isLocale(tag)) return tag;
    const language = tag.split('-')[0]?.toLowerCase();
    if (language === 'zh') return 'zh-CN';
    if (isLocale(language)) return language;
  }
  return 'en';
}
