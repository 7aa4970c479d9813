import { defineConfig } from '@playwright/test';

// The real program, with its own database and a scripted model, for each test:
// see e2e/fixtures. `cargo xtask test browser` builds them and names them here.
export default defineConfig({
  testDir: 'e2e/specs',
  // Each test starts a server and a database: two cores do not carry more.
  workers: 1,
  fullyParallel: false,
  retries: 0,
  forbidOnly: true,
  timeout: 120_000,
  expect: { timeout: 20_000 },
  reporter: [['list']],
  outputDir: 'test-results',
  // The same on every system: what is compared are texts.
  snapshotPathTemplate: 'e2e/snapshots/{arg}{ext}',
  use: {
    headless: true,
    viewport: { width: 1440, height: 900 },
    locale: 'en-US',
    timezoneId: 'Asia/Seoul',
    trace: 'off',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
});
