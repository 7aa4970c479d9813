// Every request of the page is one that the server has: path and method stand
// in ../openapi.json. The types say what is sent; this says where.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { paths } = JSON.parse(await readFile(join(ROOT, '../openapi.json'), 'utf8'));

/** A path with its variable parts all alike. @param {string} path */
const shape = (path) => path.replace(/\$?\{[^}]*\}/g, '{}');

/** @type {Map<string, Set<string>>} */
const known = new Map();
for (const [path, item] of Object.entries(paths)) {
  known.set(shape(path), new Set(Object.keys(item).map((method) => method.toUpperCase())));
}

// The document does not describe itself.
known.set('/api/openapi.json', new Set(['GET']));

// `call('/x', { method: 'POST' …`, `callRaw`, and `sendJson` with the whole path.
const REQUEST =
  /\b(call|callRaw|sendJson)(?:<[^(]*>)?\(\s*[`'](\/[^`']*)[`'](?:\s*,\s*\{[^}]*?method: '([A-Z]+)')?/g;

const problems = [];
let count = 0;
const sources = (await readdir(join(ROOT, 'src'), { recursive: true })).filter(
  (path) => /\.tsx?$/.test(path) && !/\.test\.tsx?$/.test(path),
);
for (const source of sources) {
  const text = await readFile(join(ROOT, 'src', source), 'utf8');
  for (const [, name, path = '', method = 'GET'] of text.matchAll(REQUEST)) {
    const whole = shape(name === 'sendJson' ? path : `/api/v1${path}`);
    // `call` itself, and the ways in, whose last part is named where they are called.
    if (whole === '/api/v1{}' || whole === '/api/v1/auth/{}') continue;
    count += 1;
    if (!known.get(whole)?.has(method)) problems.push(`${source}: ${method} ${whole}`);
  }
}

for (const problem of problems) console.error(`not in openapi.json: ${problem}`);
if (count < 30) problems.push(`only ${count} requests were found: the pattern is wrong`);
if (problems.length > 0) process.exitCode = 1;
else console.log(`api: ${count} requests, all in openapi.json`);
