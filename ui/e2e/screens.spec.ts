// Every page in both languages and both colour schemes: nothing that shuts anybody out (axe), nothing that sticks out of a
// narrow window, and a picture of each in `target/ui-screenshots`.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { expect, test, type Page } from '@playwright/test';

import { Host } from './host';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PICTURES = `${process.env.UI_OUTPUT ?? '../target'}/ui-screenshots`;
const PAGES = ['overview', 'restore', 'settings', 'settings/file', 'activity', 'logs', 'about', 'welcome', 'sheet'];

interface Violation {
  id: string;
  nodes: { html: string; failureSummary: string }[];
}

/** What axe finds, short enough to be read. (Evaluated, as the page's own policy lets no script in.) */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const axe = (window as unknown as { axe: { run(options: object): Promise<{ violations: Violation[] }> } }).axe;
    return (await axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })).violations;
  });
  return found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html.slice(0, 160)} ${node.failureSummary}`).join(' | ')}`);
}

async function ready(page: Page, name: string): Promise<void> {
  await page.goto(`/#/${name}`);
  await expect(page.locator('h1')).toBeVisible();
  if (name === 'restore') await expect(page.locator('[data-plan="ready"]')).toBeVisible();
  if (name === 'settings') await expect(page.locator('[data-setting]').first()).toBeVisible();
  if (name === 'settings/file') await expect(page.locator('[data-problems="0"]')).toBeVisible();
  if (name === 'activity') await expect(page.locator('[data-event]').first()).toBeVisible();
  if (name === 'logs') await expect(page.locator('[role=log] p').first()).toBeVisible();
  if (name === 'about') await expect(page.locator('[data-program]').first()).toBeVisible();
}

for (const language of ['en', 'zh-CN'] as const) {
  test(`every page in ${language}`, async ({ browser }) => {
    const host = await new Host().start(language);
    try {
      const context = await browser.newContext({ baseURL: `http://127.0.0.1:${JSON.parse(readFileSync(`${host.home}/control.json`, 'utf8')).port}` });
      const page = await context.newPage();
      const trouble: string[] = [];
      page.on('console', (message) => { if (message.type() === 'error') trouble.push(message.text()); });
      page.on('pageerror', (error) => trouble.push(String(error)));
      await host.open(page);
      await expect(page.locator('h1')).toBeVisible();
      await page.screenshot({ path: `${PICTURES}/${language}-light-first-run.png`, fullPage: true });
      await host.protect(host.database());
      for (let row = 0; row < 12; row += 1) {
        host.write('orders.db', `more ${row}`);
        await page.waitForTimeout(250);
      }
      host.sync();
      host.cli('snapshot', 'orders', 'before-stocktaking');
      host.cli('drill', 'orders');
      for (const scheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme: scheme });
        for (const name of PAGES) {
          await ready(page, name);
          expect.soft(await violations(page), `${name}, ${scheme}`).toEqual([]);
          await page.screenshot({ path: `${PICTURES}/${language}-${scheme}-${name.replace('/', '-')}.png`, fullPage: name !== 'logs' });
        }
      }
      await page.setViewportSize({ width: 360, height: 740 });
      for (const name of PAGES) {
        await ready(page, name);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        expect.soft(over, `${name} is wider than a small window`).toBeLessThanOrEqual(0);
        await page.screenshot({ path: `${PICTURES}/${language}-small-${name.replace('/', '-')}.png`, fullPage: name !== 'logs' });
      }
      expect(trouble).toEqual([]);
    } finally {
      await host.stop();
    }
  });
}
