'use client';

import { Monitor, Moon, Sun } from 'lucide-react';
import { useTranslations } from 'use-intl';
import { LOCALES, type Locale, useLocaleChoice } from '@/platform/i18n';
import { THEMES, useTheme } from '@/platform/theme';
import { Segmented, SelectField } from '@/ui/field';
import { Section } from '@/ui/section';

const ICONS = {
  dark: <Moon className="size-4" />,
  light: <Sun className="size-4" />,
  system: <Monitor className="size-4" />,
};

/** How the page looks and speaks. */
export function Appearance() {
  const t = useTranslations('settings');
  const [theme, setTheme] = useTheme();
  const [locale, setLocale] = useLocaleChoice();
  return (
    <Section id="appearance" title={t('appearance')}>
      <Segmented
        label={t('theme.title')}
        value={theme}
        options={THEMES.map((value) => ({
          value,
          label: t(`theme.${value}`),
          icon: ICONS[value],
        }))}
        onChange={setTheme}
      />
      <SelectField
        label={t('language.title')}
        value={locale}
        onChange={(event) => setLocale(event.target.value as Locale)}
      >
        {Object.entries(LOCALES).map(([id, name]) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </SelectField>
    </Section>
  );
}
