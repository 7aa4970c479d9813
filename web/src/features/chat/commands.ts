/** What can be done by writing its name. */
export type CommandName =
  | 'new'
  | 'model'
  | 'options'
  | 'copy'
  | 'rename'
  | 'pin'
  | 'archive'
  | 'export'
  | 'export-json'
  | 'delete'
  | 'search'
  | 'settings'
  | 'help';

/** A command as it can be given now. */
export interface SlashCommand {
  name: CommandName;
  /** Whether words follow the name. */
  words: boolean;
  run: (words: string) => void;
}

/** What a text asks for: the commands it may mean, and the words after the name. */
export interface Meant {
  commands: readonly SlashCommand[];
  words: string;
}

/**
 * The commands that a text may mean, by the beginning of their names. Any other
 * text is a message, however it begins: `/usr/bin` and `/echo` are sent as they
 * are.
 */
export function meant(text: string, commands: readonly SlashCommand[]): Meant {
  const [, name, rest] = /^\/([a-z-]*)(?:[ \t]+([^\n]*))?$/i.exec(text) ?? [];
  if (name === undefined) return { commands: [], words: '' };
  const wanted = name.toLowerCase();
  return rest === undefined
    ? { commands: commands.filter((command) => command.name.startsWith(wanted)), words: '' }
    : {
        commands: commands.filter((command) => command.words && command.name === wanted),
        words: rest.trim(),
      };
}
