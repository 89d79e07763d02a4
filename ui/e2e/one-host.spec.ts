// One host from its first run to a restore that was undone, as the office does it; and its worst day.
import { readFileSync, writeFileSync } from 'node:fs';

import { expect, test, type Page } from '@playwright/test';

import { Host, until } from './host';

const truth = (page: Page) => page.locator('h1[data-overall]');

async function chooseOldest(page: Page): Promise<void> {
  await expect(page.locator('[data-timeline="ready"]')).toBeVisible();
  await page.getByRole('slider').focus();
  await page.keyboard.press('Home');
}

test('from the first run to a restore that was undone', async ({ page }) => {
  const host = await new Host().start();
  try {
    await host.open(page);
    await expect(page).not.toHaveURL(/open=/);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Keep your data safe in a minute');

    // A path that leads nowhere, and one to something else, are refused in words.
    const path = page.getByLabel('The file, with its folder');
    await path.fill(host.path('nothing.db'));
    await expect(page.getByRole('alert')).toContainText('nothing.db');
    await expect(page.getByRole('button', { name: /^Protect/ })).toBeDisabled();
    writeFileSync(host.path('letter.txt'), 'Dear customer, this is no database at all. '.repeat(50));
    await path.fill(host.path('letter.txt'));
    await expect(page.getByRole('alert')).toContainText('letter.txt');

    const database = host.database('orders.db', 3);
    await path.fill(database);
    await expect(page.locator('[data-found="yes"]')).toContainText('pictures and attachments, are not protected');
    // Looking changed nothing.
    expect(host.status()?.databases).toEqual([]);
    await page.getByRole('button', { name: 'Protect orders' }).click();
    await expect(page.locator('[data-first-copy="done"]')).toBeVisible();

    // The sheet that restores onto an empty PC.
    await page.getByRole('link', { name: 'Print the recovery sheet' }).click();
    await expect(page.locator('[data-sheet]')).toHaveCount(0);
    await page.getByRole('button', { name: 'Show the sheet' }).click();
    await expect(page.locator('[data-sheet]')).toContainText('orders');

    // The overview says it, and follows.
    await page.getByRole('link', { name: 'Overview' }).click();
    await expect(truth(page)).toHaveAttribute('data-overall', 'local-only');
    await expect(page.locator('[data-database="orders"]')).toContainText(database);
    await page.getByRole('button', { name: 'Test a restore' }).first().click();
    await expect(page.getByText('The restore test worked: 3 rows came back')).toBeVisible();
    await expect(page.locator('[data-database="orders"]')).toContainText('Worked');
    await page.getByRole('button', { name: 'Copy now' }).click();
    await expect(page.getByText('Everything up to now is in the history.')).toBeVisible();

    // Some work, an hour's mistake, and back.
    host.sync();
    const before = host.rows('orders.db');
    await page.waitForTimeout(1200);
    host.write('orders.db', 'a mistake');
    host.sync();

    await page.getByRole('link', { name: 'Restore', exact: true }).click();
    await chooseOldest(page);
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowLeft');
    await expect(page.locator('[data-plan="ready"]')).toContainText('A copy of orders.db as it was at');
    await page.getByLabel('The new file').fill(host.path('back.db'));
    await expect(page.locator('[data-plan="ready"]')).toBeVisible();
    await page.getByRole('button', { name: 'Restore to the new file' }).click();
    await expect(page.getByText(`Restored to ${host.path('back.db')}.`)).toBeVisible();
    expect(host.rows('back.db')).toEqual(before);
    expect(host.rows('orders.db')).toEqual([...before, 'a mistake']);
    // The same file again is refused, and stays as it is.
    await page.getByRole('button', { name: 'Restore to the new file' }).click();
    await expect(page.getByRole('alert').filter({ hasText: 'back.db' })).toBeVisible();

    // Into its place: the price comes first, the button names what it does.
    await page.getByLabel('Into its place: replace orders.db').check();
    const plan = page.locator('[data-plan="ready"]');
    await expect(plan).toContainText('You go back to');
    await expect(plan).toContainText(/1 change made since then are set aside/);
    const replace = page.getByRole('button', { name: 'Replace orders.db' });
    await expect(replace).toBeDisabled();
    await page.getByLabel('The program that uses orders.db is closed.').check();
    await replace.click();
    await expect(page.getByText('“orders” is back at the chosen moment.')).toBeVisible();
    expect(host.rows('orders.db')).toEqual(before);

    await page.getByRole('button', { name: 'Undo that restore …' }).click();
    await page.getByRole('button', { name: 'Undo the restore' }).click();
    await expect(page.getByText('The restore of “orders” is undone.')).toBeVisible();
    expect(host.rows('orders.db')).toEqual([...before, 'a mistake']);
    await expect(page.locator('[data-undo]')).toHaveCount(0);

    // A name for this moment, which then stands on the time line.
    await page.getByLabel(/A name, for example/).fill('Not Good');
    await expect(page.getByText('Lower-case letters a to z')).toBeVisible();
    await page.getByLabel(/A name, for example/).fill('end-of-test');
    await page.getByRole('button', { name: 'Keep this moment' }).click();
    await expect(page.getByRole('button', { name: /end-of-test/ })).toBeVisible();

    // All of it is in the journal.
    await page.getByRole('link', { name: 'Activity' }).click();
    await expect(page.locator('[data-event="database-added"]')).toBeVisible();
    await page.getByPlaceholder('Find').fill('orders restore');
    await expect(page.locator('[data-event="database-added"]')).toHaveCount(0);
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export as table' }).click()]);
    expect(readFileSync(await file.path(), 'utf8')).toMatch(/^\ufeff"at","kind","database","text"\r\n"/);

    // Out again: the file and its history stay.
    await page.getByRole('link', { name: 'Settings' }).click();
    await page.getByRole('button', { name: 'Stop protecting …' }).click();
    await page.getByRole('button', { name: 'Stop protecting orders' }).click();
    await expect(page.getByText('Nothing is protected yet.').first()).toBeVisible();
    expect(host.files()).toContain('orders.db');
  } finally {
    await host.stop();
  }
});

test('a store that is cut off turns the sentence red, and back when it answers', async ({ page }) => {
  const host = new Host();
  const database = host.database();
  await host.start();
  try {
    await host.protect(database);
    await host.open(page);
    await expect(truth(page)).toHaveAttribute('data-overall', 'local-only');
    const said = await truth(page).innerText();

    const store = host.pid('store');
    process.kill(store, 'SIGSTOP');
    try {
      host.write('orders.db', 'while the store is cut off');
      await expect(truth(page)).toHaveAttribute('data-overall', 'not-protected', { timeout: 40_000 });
      expect(await truth(page).innerText()).not.toBe(said);
      await expect(page.locator('[data-attention] [data-condition]').first()).toBeVisible();
      await expect(page.locator('.way')).toHaveText('not copying');
    } finally {
      process.kill(store, 'SIGCONT');
    }
    await expect(truth(page)).toHaveAttribute('data-overall', 'local-only', { timeout: 40_000 });
    host.sync();
    await expect(page.locator('[data-condition="store-down"], [data-condition="behind"]')).toHaveCount(0);

    // A pause says its price first, and ends by a button.
    await page.getByRole('button', { name: 'Pause …' }).click();
    await expect(page.getByText("they can't be brought back until you resume")).toBeVisible();
    await page.getByRole('button', { name: 'Pause until I resume' }).click();
    await expect(truth(page)).toHaveAttribute('data-overall', 'paused');
    await page.getByRole('button', { name: 'Resume' }).click();
    await expect(truth(page)).toHaveAttribute('data-overall', 'local-only');

    // The engine ends: the page says so, and keeps what it knew.
    await page.getByRole('link', { name: 'Logs' }).click();
    await expect(page.locator('[role=log] p').first()).toBeVisible();
    host.cli('stop');
    await expect(page.getByRole('alert').first()).toContainText('SQLite Replicate does not answer.');
  } finally {
    await host.stop();
  }
});

test('a link opens the dashboard once, and nothing else does', async ({ page, browser }) => {
  const host = await new Host().start();
  try {
    const { url } = JSON.parse(host.cli('dashboard', '--print', '--json')) as { url: string };
    await page.goto(url);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Keep your data safe in a minute');
    // Another tab of the same browser is the same person.
    const tab = await page.context().newPage();
    await tab.goto(new URL('/#/about', url).href);
    await expect(tab.locator('[data-program]').first()).toBeVisible();

    const stranger = await (await browser.newContext()).newPage();
    await stranger.goto(url);
    await expect(stranger.getByRole('heading', { level: 1 })).toHaveText('This link was used already, or is too old');
    await stranger.goto(new URL('/', url).href);
    await stranger.reload();
    await expect(stranger.getByRole('heading', { level: 1 })).toHaveText('This page opens with a link');
    expect((await stranger.request.get(new URL('/v1/status', url).href)).status()).toBe(401);
    // The cookie is out of reach of scripts.
    expect(await page.evaluate(() => document.cookie)).toBe('');
    await until('the engine is still there', () => host.status() !== null);
  } finally {
    await host.stop();
  }
});
