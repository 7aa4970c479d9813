// Takes out of the export the forms of KaTeX's fonts that no browser asks for:
// its style sheet names WOFF2 first, which all that can run the app can read.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { exportedFiles, OUT } from './export.mjs';

const OLD = /\/KaTeX_[^/]*\.(?:ttf|woff)$/;

for (const file of await exportedFiles()) if (OLD.test(file)) await rm(join(OUT, file));
