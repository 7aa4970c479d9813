import { Listeners } from './listeners';

/** What a key or the palette can ask of the page that is shown. */
export type Command =
  | 'focus-composer'
  | 'copy-answer'
  | 'choose-model'
  | 'chat-options'
  | 'palette'
  | 'help';

const asked = new Listeners<Command>();

/** Asks whoever can do it; nobody, where the page has no such thing. */
export const ask = (command: Command): void => asked.emit(command);

/** Answers to commands; the answer stops it. */
export const onCommand = (listener: (command: Command) => void): (() => void) =>
  asked.add(listener);
