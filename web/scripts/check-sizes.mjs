// Holds the budgets of the export: what a browser loads before a page works,
// compressed with brotli. Run after the build.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OUT } from './export.mjs';

const KB = 1000;
const BUDGETS = [
  { page: 'login.html', js: 190 * KB },
  { page: 'register.html', js: 190 * KB },
  { page: 'chat.html', js: 300 * KB },
  { page: 'settings.html', js: 300 * KB },
  { page: 'reset-password.html', js: 190 * KB },
  { page: 'api-keys.html', js: 300 * KB },
  { page: 'history.html', js: 300 * KB },
  { page: 'usage.html', js: 300 * KB },
  { page: 'developer.html', js: 300 * KB },
  { page: 'guide.html', js: 300 * KB },
  { page: 'offline.html', js: 190 * KB },
  { page: 'admin.html', js: 300 * KB },
  { page: 'admin/registration.html', js: 300 * KB },
  { page: 'admin/groups.html', js: 300 * KB },
  { page: 'admin/access.html', js: 300 * KB },
  { page: 'admin/limits.html', js: 300 * KB },
  { page: 'admin/profiles.html', js: 300 * KB },
  { page: 'admin/budgets.html', js: 300 * KB },
  { page: 'admin/prices.html', js: 300 * KB },
  { page: 'admin/backups.html', js: 300 * KB },
  { page: 'cluster.html', js: 300 * KB },
  { page: 'audit.html', js: 300 * KB },
  { page: 'admin-metrics.html', js: 300 * KB },
  { page: 'token-monitoring.html', js: 300 * KB },
];
const CSS = 30 * KB;
const HTML = 20 * KB;

/** @param {string} path */
async function compressed(path) {
  const file = join(OUT, path);
  // As it is served; what is too small to gain by it is there as it is.
  const { size } = await stat(`${file}.br`).catch(() => stat(file));
  return size;
}

/** @param {string[]} paths */
async function sum(paths) {
  let total = 0;
  for (const path of new Set(paths)) total += await compressed(path);
  return total;
}

/** @param {string} what @param {number} size @param {number} limit */
function check(what, size, limit) {
  const ok = size <= limit;
  console.log(
    `${ok ? 'ok  ' : 'FAIL'} ${what}: ${(size / KB).toFixed(1)} kB of ${(limit / KB).toFixed(0)} kB`,
  );
  if (!ok) process.exitCode = 1;
}

for (const { page, js } of BUDGETS) {
  const html = await readFile(join(OUT, page), 'utf8');
  const scripts = [...html.matchAll(/<script[^>]*\ssrc="\/([^"]+)"[^>]*>/g)]
    // Browsers that know modules do not load it.
    .filter(([tag]) => !/\snomodule/i.test(tag))
    .map(([, path = '']) => path);
  const styles = [...html.matchAll(/<link[^>]*\shref="\/([^"]+\.css)"/g)].map(
    ([, path = '']) => path,
  );
  check(`${page} scripts`, await sum(scripts), js);
  check(`${page} styles`, await sum(styles), CSS);
  check(`${page} itself`, await compressed(page), HTML);
}
