import { describe, expect, it } from 'vitest';
import { meant, type SlashCommand } from './commands';

const run = () => undefined;
const COMMANDS: SlashCommand[] = [
  { name: 'model', words: false, run },
  { name: 'rename', words: true, run },
  { name: 'export', words: false, run },
  { name: 'export-json', words: false, run },
];

describe('a text that begins with a slash', () => {
  const names = (text: string) => meant(text, COMMANDS).commands.map(({ name }) => name);

  it('means what its beginning fits', () => {
    expect(names('/')).toEqual(['model', 'rename', 'export', 'export-json']);
    expect(names('/EXP')).toEqual(['export', 'export-json']);
    expect(names('/export-')).toEqual(['export-json']);
  });

  it('is a message otherwise', () => {
    for (const text of [
      '/echo',
      '/markdown',
      '/usr/bin',
      '/model x',
      ' /model',
      '/rename\nx',
      'a',
    ]) {
      expect(names(text), text).toEqual([]);
    }
  });

  it('carries words where a command takes them', () => {
    expect(names('/rename  나의 제목 ')).toEqual(['rename']);
    expect(meant('/rename  나의 제목 ', COMMANDS).words).toBe('나의 제목');
    expect(meant('/rename ', COMMANDS).words).toBe('');
  });
});
