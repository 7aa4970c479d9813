// Writes out/sw.js: the service worker with what the offline page is made of,
// and a version that changes with the export, so that browsers notice.
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exportedFiles, OUT } from './export.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGE = 'offline.html';

const files = await exportedFiles();
const html = await readFile(join(OUT, PAGE), 'utf8');
const named = [...html.matchAll(/\s(?:src|href)="(\/[^"]+\.(?:js|css|svg))"/g)].map(
  ([, path = '']) => path,
);

// The texts come in a chunk of each language, which no page names: told by a
// sentence that stands in no other.
const scripts = files.filter((file) => /^_next\/static\/.*\.js$/.test(file));
const sources = await Promise.all(scripts.map((file) => readFile(join(OUT, file), 'utf8')));
const texts = [];
for (const language of await readdir(join(ROOT, 'messages'))) {
  const messages = JSON.parse(await readFile(join(ROOT, 'messages', language), 'utf8'));
  const at = sources.findIndex((source) => source.includes(messages.pwa.offlineHelp));
  if (at < 0) throw new Error(`no chunk has the texts of ${language}`);
  texts.push(`/${scripts[at]}`);
}
const shell = ['/offline', '/icon.svg', ...named, ...texts].filter(
  (path, at, all) => all.indexOf(path) === at,
);

const version = createHash('sha256');
for (const file of files.filter((name) => name.endsWith('.html'))) {
  version.update(file).update(await readFile(join(OUT, file)));
}
for (const path of shell) version.update(path);

const template = await readFile(join(ROOT, 'scripts/service-worker.js'), 'utf8');
const worker = template
  .replace('%VERSION%', version.digest('hex').slice(0, 16))
  .replace("['%SHELL%']", JSON.stringify(shell));
await writeFile(join(OUT, 'sw.js'), worker);
console.log(`sw.js: ${shell.length} files for the offline page`);
