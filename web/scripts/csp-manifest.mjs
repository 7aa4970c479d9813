// Writes out/csp-manifest.json: the hashes of each page's inline scripts, which
// the server puts into that page's Content-Security-Policy. Fails when a page
// carries what the policy forbids.
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exportedFiles, OUT } from './export.mjs';

const SCRIPT = /<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g;
const FORBIDDEN = [
  [/<style[\s>]/, 'an inline style element'],
  [/<[a-z][^>]*\sstyle="/, 'a style attribute'],
  [/<[a-z][^>]*\son[a-z]+="/, 'an event attribute'],
];

/** @type {Record<string, string[]>} */
const manifest = {};
for (const file of await exportedFiles()) {
  if (!file.endsWith('.html')) continue;
  const html = await readFile(join(OUT, file), 'utf8');
  const markup = html.replace(SCRIPT, '');
  for (const [pattern, what] of FORBIDDEN) {
    if (/** @type {RegExp} */ (pattern).test(markup)) {
      console.error(`${file} has ${what}, which the policy forbids`);
      process.exitCode = 1;
    }
  }
  const hashes = [...html.matchAll(SCRIPT)].map(
    ([, body = '']) => `sha256-${createHash('sha256').update(body).digest('base64')}`,
  );
  manifest[file] = [...new Set(hashes)].sort();
}
await writeFile(join(OUT, 'csp-manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
console.log(`csp-manifest.json: ${Object.keys(manifest).length} pages`);
