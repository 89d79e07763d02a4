// The pages in a real browser in front of a real engine: `cargo xtask ui --test` builds both first.
import { defineConfig } from '@playwright/test';

/** Where Cargo builds. */
const OUTPUT = process.env.UI_OUTPUT ?? '../target';

export default defineConfig({
  testDir: 'e2e',
  outputDir: `${OUTPUT}/ui-test`,
  timeout: 90_000,
  expect: { timeout: 20_000 },
  workers: 2,
  fullyParallel: false,
  forbidOnly: true,
  reporter: [['list'], ['json', { outputFile: `${OUTPUT}/ui-test.json` }]],
  use: {
    viewport: { width: 1366, height: 768 },
    // Debian's own: nothing is downloaded.
    launchOptions: { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] },
    trace: 'off',
  },
});
