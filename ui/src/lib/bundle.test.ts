// What is shipped stays small, and loads nothing from elsewhere.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { expect, test } from 'vitest';

const DIST = join(import.meta.dirname, '../../dist');

test('the pages are at most 250 kB when compressed', () => {
  expect(existsSync(join(DIST, 'index.html')), 'build the pages first: `cargo xtask ui`').toBe(true);
  const files = (readdirSync(DIST, { recursive: true }) as string[]).filter((file) => /\.\w+$/.test(file));
  const sizes = files.filter((file) => !file.startsWith('.')).map((file) => gzipSync(readFileSync(join(DIST, file))).length);
  const sum = sizes.reduce((a, b) => a + b, 0);
  console.log(`the pages: ${(sum / 1000).toFixed(1)} kB compressed`);
  expect(sum).toBeGreaterThan(10_000);
  expect(sum).toBeLessThanOrEqual(250_000);
});

test('no file says where it was built, and none brings a style of its own', () => {
  const script = readFileSync(join(DIST, 'assets/index.js'), 'utf8');
  expect(script).not.toContain(join(DIST, '..'));
  expect(script).not.toMatch(/createElement\(["'`]style/);
});
