// Draws public/icons from public/icon.svg with Chromium. Run by hand when the
// logo changes: CHROMIUM_PATH=… node scripts/icons.mjs
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from '@playwright/test';

const PUBLIC = fileURLToPath(new URL('../public', import.meta.url));
// A launcher may cut a maskable icon down to its inner four fifths, and a
// phone paints what is transparent black.
const ICONS = [
  { name: 'icon-192', size: 192, mark: 0.74, ground: '#131316', corner: 0.22 },
  { name: 'icon-512', size: 512, mark: 0.74, ground: '#131316', corner: 0.22 },
  { name: 'maskable-512', size: 512, mark: 0.6, ground: '#131316', corner: 0 },
  { name: 'apple-180', size: 180, mark: 0.72, ground: '#131316', corner: 0 },
];

const svg = await readFile(join(PUBLIC, 'icon.svg'), 'utf8');
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
for (const { name, size, mark, ground, corner } of ICONS) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(
    `<style>html{height:100%}body{margin:0;height:100%;background:${ground};border-radius:${corner * size}px;display:grid;place-items:center}svg{width:${mark * 100}%}</style>${svg}`,
  );
  await page.screenshot({ path: join(PUBLIC, 'icons', `${name}.png`), omitBackground: true });
  await page.close();
}
await browser.close();
