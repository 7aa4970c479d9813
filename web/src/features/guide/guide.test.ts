import { describe, expect, it } from 'vitest';
import { LOCALES, type Locale } from '@/platform/i18n';
import { load } from './load';

const read = async (locale: Locale) => (await load[locale]()).chapters;
const commands = (text: string) => [...text.matchAll(/^openmake .*$/gm)].map(([line]) => line);

describe('the guide', () => {
  it('has the same chapters and commands in every language', async () => {
    const english = await read('en');
    for (const locale of Object.keys(LOCALES) as Locale[]) {
      const chapters = await read(locale);
      expect(
        chapters.map(({ id, text }) => [id, commands(text)]),
        locale,
      ).toEqual(english.map(({ id, text }) => [id, commands(text)]));
      for (const { title, text } of chapters) expect([title, text], locale).not.toContain('');
    }
  });
});
