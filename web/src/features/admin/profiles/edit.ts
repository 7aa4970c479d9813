import type { EditProfile, Profile, ProfileSettings } from '@/platform/api/types';

/** The least and the most that the server takes. */
export const BOUNDS = {
  context_tokens: { least: 1_024, most: 10_000_000 },
  tool_turns: { least: 0, most: 100 },
  time_budget_seconds: { least: 0, most: 86_400 },
} as const;

/** A number that is counted in whole steps. */
export type Counted = keyof typeof BOUNDS;

/** Names of models, one a line, each once and the best first. */
export function preferOf(text: string): string[] {
  const names = text.split('\n').map((name) => name.trim());
  return [...new Set(names.filter((name) => name !== ''))];
}

/** A temperature that somebody typed; `null` where it is none. */
export function temperatureOf(text: string): number | null {
  const trimmed = text.trim();
  if (!/^\d(\.\d{1,3})?$/.test(trimmed)) return null;
  const degree = Number(trimmed);
  return degree <= 2 ? degree : null;
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/**
 * What to store for a profile that is to be like this: what is as built in is
 * not said, so that a later version may improve it.
 */
export function editOf(
  wanted: ProfileSettings,
  { built_in, enabled }: Pick<Profile, 'built_in' | 'enabled'>,
): EditProfile {
  const edit: EditProfile = { enabled };
  if (!same(wanted.prefer, built_in.prefer)) edit.prefer = wanted.prefer;
  if (wanted.size !== built_in.size) edit.size = wanted.size;
  if (wanted.thinking !== built_in.thinking) edit.thinking = wanted.thinking;
  if (wanted.temperature !== built_in.temperature) edit.temperature = wanted.temperature ?? null;
  for (const name of Object.keys(BOUNDS) as Counted[]) {
    if (wanted[name] !== built_in[name]) edit[name] = wanted[name];
  }
  if (wanted.instructions !== built_in.instructions) edit.instructions = wanted.instructions;
  return edit;
}

/** Whether an edit says anything: one that does not is none. */
export const isEdit = ({ enabled, ...rest }: EditProfile): boolean =>
  !enabled || Object.keys(rest).length > 0;
