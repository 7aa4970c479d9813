import { defineConfig } from '@playwright/test';
import tests from './playwright.config';

// What is for the eye and not for CI: `make lighthouse`, `make screenshots`.
export default defineConfig(tests, { testDir: 'e2e/looks', timeout: 300_000 });
