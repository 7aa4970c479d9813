import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from '@playwright/test';
import { expect, test } from '../fixtures';
import { App } from '../fixtures/app';
import { freePort } from '../fixtures/process';
import { Watch } from '../fixtures/watch';

/** The part of Lighthouse's report that is read here. */
interface Report {
  categories: Record<string, { title: string; score: number | null }>;
  audits: Record<string, { title: string; score: number | null; numericValue?: number }>;
}

type Lighthouse = (
  url: string,
  flags: { port: number; disableStorageReset: boolean; logLevel: 'error' },
  config: unknown,
) => Promise<{ lhr: Report } | undefined>;

interface Module {
  default: Lighthouse;
  desktopConfig: { extends: string; settings: object };
}

const COUNTS = ['performance', 'accessibility', 'best-practices'];
const LEAST = 0.95;
/** On loopback, in milliseconds. */
const LARGEST_PAINT = 1_000;

test('Lighthouse is content with /login and /chat', async ({ server, launchOptions }) => {
  const module = process.env.LIGHTHOUSE;
  if (!module) throw new Error('LIGHTHOUSE names no module: run `make lighthouse`');
  const { default: lighthouse, desktopConfig } = (await import(module)) as Module;
  const profile = await mkdtemp(join(tmpdir(), 'openmake-lighthouse-'));
  const port = await freePort();
  // Lighthouse looks with a tab of its own, which must be signed in: tabs of
  // the browser's own context share its cookies.
  const context = await chromium.launchPersistentContext(profile, {
    ...launchOptions,
    locale: 'en-US',
    args: [...(launchOptions.args ?? []), `--remote-debugging-port=${port}`],
  });
  try {
    const app = new App(await context.newPage(), server.url, new Watch(server.url));
    await app.setUp();
    await app.askAndWait('/markdown show me everything');
    const conversation = new URL(app.page.url());
    const seen = [];
    for (const path of ['/chat', `/chat${conversation.search}`, '/login']) {
      if (path === '/login') {
        await context.clearCookies();
        await app.page.evaluate(() => localStorage.clear());
      }
      const found = await lighthouse(
        server.url + path,
        { port, disableStorageReset: true, logLevel: 'error' },
        { ...desktopConfig, settings: { ...desktopConfig.settings, onlyCategories: COUNTS } },
      );
      if (!found) throw new Error(`Lighthouse said nothing of ${path}`);
      const { audits, categories } = found.lhr;
      const value = (name: string) => Math.round((audits[name]?.numericValue ?? -1) * 100) / 100;
      seen.push({
        path: path.replace(conversation.search, '?c=…'),
        scores: COUNTS.map((name) => categories[name]?.score ?? 0),
        paint: value('largest-contentful-paint'),
        shift: value('cumulative-layout-shift'),
        blocking: value('total-blocking-time'),
        missed: Object.entries(audits)
          .filter(([, { score }]) => score !== null && score < 0.9)
          .map(([name]) => name),
      });
    }
    for (const { path, scores, paint, shift, blocking, missed } of seen) {
      console.log(
        `${path}: ${COUNTS.map((name, at) => `${name} ${Math.round((scores[at] ?? 0) * 100)}`).join(', ')}; ` +
          `largest paint ${paint} ms, layout shift ${shift}, blocked ${blocking} ms; missed: ${missed.join(', ') || 'nothing'}`,
      );
    }
    for (const { path, scores, paint } of seen) {
      expect(Math.min(...scores), path).toBeGreaterThanOrEqual(LEAST);
      expect(paint, path).toBeLessThan(LARGEST_PAINT);
    }
  } finally {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  }
});
