// What the bundler does not do for the export.
import { copyFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { exportedFiles, OUT } from './export.mjs';

// Forms of KaTeX's fonts that no browser asks for: its style sheet names WOFF2
// first, which all that can run the app can read.
const OLD = /\/KaTeX_[^/]*\.(?:ttf|woff)$/;
for (const file of await exportedFiles()) if (OLD.test(file)) await rm(join(OUT, file));

// The diagrams' library, whole: it runs in a frame of its own, which loads no
// chunks of the app.
const mermaid = createRequire(import.meta.url).resolve('mermaid/dist/mermaid.min.js');
await copyFile(mermaid, join(OUT, 'frames/mermaid.js'));
