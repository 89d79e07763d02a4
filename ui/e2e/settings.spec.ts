// Every setting is changed by its field and then stands in the file; a bad value does not get there.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

import { expect, test } from '@playwright/test';

import { Host } from './host';

/** A good value and a bad one for each setting; what stands in the file afterwards. */
const VALUES: Record<string, { good: string; bad?: string; written: string }> = {
  'host.name': { good: 'HOST-B', bad: 'HOST B', written: 'name = "HOST-B"' },
  'store.data_dir': { good: 'DIR', written: 'data_dir = ' },
  'store.bucket': { good: 'history-of-office', bad: 'X', written: 'bucket = "history-of-office"' },
  'capture.sync_interval': { good: '2s', bad: '2 fortnights', written: 'sync_interval = "2s"' },
  'capture.l0_retention': { good: '2h', bad: '1s', written: 'l0_retention = "2h"' },
  'capture.snapshot_interval': { good: '12h', bad: '0', written: 'snapshot_interval = "12h"' },
  'capture.retention': { good: '7d', bad: '1m', written: 'retention = "7d"' },
  'capture.checkpoint_interval': { good: '2m', bad: '2', written: 'checkpoint_interval = "2m"' },
  'capture.min_checkpoint_pages': { good: '2000', bad: 'many', written: 'min_checkpoint_pages = 2000' },
  'capture.busy_timeout': { good: '2s', bad: '1ms', written: 'busy_timeout = "2s"' },
  'capture.max_wal': { good: '256MiB', bad: '1KB', written: 'max_wal = "256MiB"' },
  'verify.drill_at': { good: '04:00', bad: '25:00', written: 'drill_at = "04:00"' },
  'verify.every': { good: '2d', bad: '1m', written: 'every = "2d"' },
  'verify.scan_at': { good: '05:00', bad: 'noon', written: 'scan_at = "05:00"' },
  'notify.webhook': { good: 'http://127.0.0.1:9/hook', bad: 'mailto:me', written: 'webhook = "http://127.0.0.1:9/hook"' },
  'notify.on': { good: 'Warnings', written: 'on = ["failure"]' },
  'health.listen': { good: 'off', bad: '3001', written: 'listen = "off"' },
  'ui.start_at_login': { good: 'false', written: 'start_at_login = false' },
  // Needs that there is no folder of our own: tried last.
  'store.endpoint': { good: 'http://127.0.0.1:9', bad: 'nas', written: 'endpoint = "http://127.0.0.1:9"' },
  'store.region': { good: 'eu-west-1', bad: 'eu west', written: 'region = "eu-west-1"' },
  'ui.language': { good: 'zh-CN', written: 'language = "zh-CN"' },
};

test('every setting is changed and found in the file', async ({ page }) => {
  const host = new Host();
  writeFileSync(host.config, `# a note of the owner\n${readFileSync(host.config, 'utf8')}`);
  await host.start();
  const file = (): string => readFileSync(host.config, 'utf8');
  try {
    await host.open(page);
    await page.getByRole('link', { name: 'Settings' }).click();
    await expect(page.locator('[data-setting]').first()).toBeVisible();
    const keys = await page.locator('[data-setting]').evaluateAll((fields) => fields.map((field) => field.getAttribute('data-setting') ?? ''));
    // A setting that this test does not know fails it.
    expect([...keys].sort()).toEqual(Object.keys(VALUES).sort());

    for (const [key, { good, bad, written }] of Object.entries(VALUES)) {
      const field = page.locator(`[data-setting="${key}"]`);
      const input = field.locator('input:not([type=checkbox])');
      const save = field.getByRole('button', { name: 'Save' });
      if (key === 'store.endpoint') {
        await page.locator('[data-setting="store.data_dir"]').getByRole('button', { name: /Back to the default/ }).click();
        await expect.poll(file).not.toContain('data_dir');
      }
      if (bad) {
        await input.fill(bad);
        await expect(field.locator('.problem'), `${key} = ${bad}`).toBeVisible();
        await expect(save).toBeDisabled();
        expect(file()).not.toContain(`"${bad}"`);
      }
      const value = good === 'DIR' ? host.path('elsewhere') : good;
      if (good === 'DIR') mkdirSync(value);
      if (key === 'notify.on') await field.getByLabel(good).uncheck();
      else if (key.startsWith('ui.')) await field.locator('select').selectOption(value);
      else await input.fill(value);
      await field.getByRole('button', { name: 'Save' }).click();
      await expect.poll(file, { message: key }).toContain(good === 'DIR' ? value : written);
      await expect(save).toHaveCount(0);
    }
    // The last one was the language: everything speaks it now, without a reload.
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('设置');
    await expect(page.getByRole('link', { name: '概览' })).toBeVisible();
    expect(file()).toContain('# a note of the owner');
    // The address for messages may hold a key: it went to the file and is not shown again.
    await expect(page.locator('[data-setting="notify.webhook"] input')).toHaveValue('');
  } finally {
    await host.stop();
  }
});

test('the file itself: a mistake is named with its line, another hand is not overruled', async ({ page }) => {
  const host = await new Host().start();
  try {
    await host.open(page);
    await page.goto(`${new URL(page.url()).origin}/#/settings/file`);
    const text = page.getByRole('textbox', { name: 'The settings file, for experts' });
    await expect(text).toHaveValue(/HOST-A/);
    const good = await text.inputValue();
    const save = page.getByRole('button', { name: 'Save the file' });
    await text.fill(`${good}\n[capture]\nsync_intervall = "1s"\nretention = "1m"\n`);
    await expect(page.locator('#file-says')).toContainText('sync_interval');
    await expect(page.locator('[data-problems]')).not.toHaveAttribute('data-problems', '0');
    await expect(save).toBeDisabled();

    await text.fill(`${good}\n[capture]\nsync_interval = "3s"\n`);
    await expect(save).toBeEnabled();
    writeFileSync(host.config, `${readFileSync(host.config, 'utf8')}\n# somebody else\n`);
    await save.click();
    await expect(page.getByRole('alert')).toContainText('was changed by somebody else meanwhile');
    expect(readFileSync(host.config, 'utf8')).not.toContain('3s');

    await page.getByRole('button', { name: 'Drop my changes' }).click();
    await expect(text).toHaveValue(/somebody else/);
    await text.fill(`${await text.inputValue()}\n[capture]\nsync_interval = "3s"\n`);
    await expect(save).toBeEnabled();
    await save.click();
    await expect.poll(() => readFileSync(host.config, 'utf8')).toContain('sync_interval = "3s"');
    await expect(page.locator('[data-setting="capture.sync_interval"] input')).toHaveValue('3s');
  } finally {
    await host.stop();
  }
});
