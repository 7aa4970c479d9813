// Writes .br and .gz beside every text of the export, so that the server only
// picks a file. Of scripts, which are most of it, nothing else stays: a client
// that takes neither gets what the server unpacks.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { exportedFiles, OUT } from './export.mjs';

const TEXT = /\.(?:html|txt|js|css|json|svg|webmanifest)$/;
const SCRIPT = /^(?:_next\/static|frames)\/.*\.js$/;
const SMALLEST = 512;
const br = promisify(brotliCompress);
const gz = promisify(gzip);

let count = 0;
for (const file of await exportedFiles()) {
  // The manifest is read by the server and never served.
  if (!TEXT.test(file) || file === 'csp-manifest.json') continue;
  const bytes = await readFile(join(OUT, file));
  if (bytes.length < SMALLEST) continue;
  const [brotli, gzipped] = await Promise.all([
    br(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } }),
    gz(bytes, { level: 9 }),
  ]);
  await writeFile(join(OUT, `${file}.br`), brotli);
  await writeFile(join(OUT, `${file}.gz`), gzipped);
  if (SCRIPT.test(file)) await rm(join(OUT, file));
  count += 1;
}
console.log(`compressed ${count} files`);
