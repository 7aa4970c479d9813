import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The exported site. */
export const OUT = fileURLToPath(new URL('../out', import.meta.url));

/**
 * Every file of the export, relative to it.
 * @returns {Promise<string[]>}
 */
export async function exportedFiles() {
  const entries = await readdir(OUT, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(OUT, join(entry.parentPath, entry.name)))
    .sort();
}
