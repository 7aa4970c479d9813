import type { Import } from '@/platform/api/types';

/** Notes that say something to a person; the others are in the report. */
const NAMES = [
  'file_left',
  'content_unknown',
  'tree_mended',
  'no_place_held',
  'too_large',
  'unreadable',
  'deleted_since',
] as const;

/** What of an import deserves a word, with how often it came. */
export function notesOf({ summary }: Import): { name: (typeof NAMES)[number]; amount: number }[] {
  const tables = Object.values(summary?.tables ?? {});
  return NAMES.map((name) => ({
    name,
    amount: tables.reduce((sum, { classes }) => sum + (classes?.[name] ?? 0), 0),
  })).filter(({ amount }) => amount > 0);
}
