'use client';

import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { Markdown } from '@/markdown';
import { Segmented } from '@/ui/field';
import { DOORS, type Door, example, FENCES, LANGUAGES, type Language } from './examples';

/** Code that can be pasted and run, for each protocol and language. */
export function CodeExamples({ model }: { model: string }) {
  const t = useTranslations('developer');
  const [door, setDoor] = useState<Door>('openai');
  const [language, setLanguage] = useState<Language>('curl');
  const code = example(door, language, { origin: window.location.origin, model });
  return (
    <div className="flex min-w-0 flex-col gap-4">
      <div className="flex flex-wrap gap-x-6 gap-y-3">
        <Segmented
          label={t('protocol')}
          value={door}
          options={DOORS.map((value) => ({ value, label: t(`door.${value}`) }))}
          onChange={setDoor}
        />
        <Segmented
          label={t('language')}
          value={language}
          options={LANGUAGES.map((value) => ({ value, label: t(`in.${value}`) }))}
          onChange={setLanguage}
        />
      </div>
      <Markdown
        key={`${door} ${language}`}
        text={`\`\`\`${FENCES[language]}\n${code}\n\`\`\``}
        live={false}
      />
    </div>
  );
}
