// Writes .br and .gz beside every text of the export, so that the server only
// picks a file.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { exportedFiles, OUT } from './export.mjs';

const TEXT = /\.(?:html|txt|js|css|json|svg|webmanifest)$/;
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
  count += 1;
}
console.log(`compressed ${count} files`);
