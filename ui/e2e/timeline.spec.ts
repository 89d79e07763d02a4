// The time line stays smooth with far more moments than a usual history has.
import { expect, test } from '@playwright/test';

import { Host } from './host';

const MOMENTS = 10_000;

/** A history of a made-up length: ten thousand syncs, and a restore in the middle. */
function longHistory(): unknown {
  const begun = Date.now() - MOMENTS * 30_000;
  const record = (n: number, at: number) => ({ epoch: `1.${n}`, database_id: 'd', database: 'orders', host_id: 'h', host: 'HOST-A', prefix: 'p', base: null, opened_by: n ? 'restore' : 'protection', opened_at: new Date(at).toISOString() });
  const points = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => ({ txid: (index + 1).toString(16).padStart(16, '0'), level: 0, time: new Date(begun + (from + index) * 30_000).toISOString(), bytes: 700 }));
  const half = MOMENTS / 2;
  return {
    database: 'orders',
    snapshots: [],
    epochs: [
      { record: record(0, begun), levels: [], holes: [], points: points(0, half) },
      { record: record(1, begun + half * 30_000), levels: [], holes: [], points: points(half, MOMENTS) },
    ],
  };
}

test(`${MOMENTS} moments: dragging takes less than a frame`, async ({ page }) => {
  const host = new Host();
  const database = host.database();
  await host.start();
  try {
    await host.protect(database);
    host.sync();
    await page.addInitScript(() => {
      const taken: number[] = [];
      Object.assign(window, { taken });
      const real = window.requestAnimationFrame.bind(window);
      window.requestAnimationFrame = (draw) => real((at) => { const begun = performance.now(); draw(at); taken.push(performance.now() - begun); });
    });
    await page.route('**/v1/databases/orders/history', (route) => route.fulfill({ json: longHistory() }));
    await host.open(page);
    await page.goto(`${new URL(page.url()).origin}/#/restore`);
    const line = page.getByRole('slider');
    await expect(line).toHaveAttribute('aria-valuemax', String(MOMENTS - 1));
    const box = await line.boundingBox();
    if (!box) throw new Error('there is no time line');
    await page.mouse.move(box.x + 20, box.y + 40);
    await page.mouse.down();
    await page.evaluate(() => (window as unknown as { taken: number[] }).taken.splice(0));
    for (let step = 0; step <= 120; step += 1) await page.mouse.move(box.x + 20 + ((box.width - 40) * step) / 120, box.y + 40);
    await page.mouse.up();
    expect(Number(await line.getAttribute('aria-valuenow'))).toBeGreaterThan(MOMENTS * 0.95);
    const taken = (await page.evaluate(() => (window as unknown as { taken: number[] }).taken)).sort((a, b) => a - b);
    expect(taken.length).toBeGreaterThan(30);
    const usual = taken[Math.floor(taken.length * 0.9)] ?? Infinity;
    console.log(`a frame of ${MOMENTS} moments: ${taken[taken.length >> 1]?.toFixed(1)} ms, nine of ten within ${usual.toFixed(1)} ms`);
    expect(usual).toBeLessThanOrEqual(16);

    // Moment by moment with the keyboard, however many there are.
    await line.focus();
    await page.keyboard.press('Home');
    await expect(line).toHaveAttribute('aria-valuenow', '0');
    await page.keyboard.press('ArrowRight');
    await expect(line).toHaveAttribute('aria-valuenow', '1');
    await page.getByRole('button', { name: 'Hour' }).click();
    await expect(page.getByText(/^6[0-9] moments from/)).toBeVisible();
    await expect(page.getByText('2 lines of history')).toBeVisible();
  } finally {
    await host.stop();
  }
});
