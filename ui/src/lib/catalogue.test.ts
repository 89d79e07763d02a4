// The catalogue of `assets/i18n` against the pages: nothing missing, nothing left over. (That both languages have the same
// keys and placeholders is a test of crates/api.)
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import en from '../../../assets/i18n/en.json';
import zhCn from '../../../assets/i18n/zh-CN.json';

const ROOT = join(import.meta.dirname, '../../..');
const keys = Object.keys(en).filter((key) => key.startsWith('ui.'));
const source = (readdirSync(join(ROOT, 'ui/src'), { recursive: true }) as string[])
  .filter((file) => /\.(svelte|ts)$/.test(file) && !file.endsWith('.test.ts'))
  .map((file) => readFileSync(join(ROOT, 'ui/src', file), 'utf8'))
  .join('\n');

/** Keys that are put together from what the engine says: `t(`ui.job.${…}`)`. */
const families = [...source.matchAll(/`(ui\.[\w.]*)\$\{/g)].map((match) => match[1] ?? '');
const rust = (file: string): string => readFileSync(join(ROOT, 'crates', file), 'utf8');

test('no text is left over', () => {
  const unused = keys.filter((key) => !source.includes(`'${key}'`) && !families.some((family) => key.startsWith(family)));
  expect(unused).toEqual([]);
});

test('no text that is named is missing', () => {
  const named = [...source.matchAll(/'(ui\.[a-z][\w.-]*)'/g)].map((match) => match[1] ?? '');
  expect(named.length).toBeGreaterThan(100);
  expect(named.filter((key) => !keys.includes(key))).toEqual([]);
});

/** The words of a type in `types.ts`: `"a" | "b"`. */
function words(type: string): string[] {
  const types = readFileSync(join(ROOT, 'ui/src/lib/api/types.ts'), 'utf8');
  const declared = new RegExp(`export type ${type} = ([^;]*);`).exec(types)?.[1] ?? '';
  return [...declared.matchAll(/"([\w-]+)"/g)].map((match) => match[1] ?? '');
}

describe('what the engine can say has a text', () => {
  const settings = [...rust('api/src/config/settings.rs').matchAll(/setting!\((\w+)\.(\w+):/g)].map((match) => `${match[1]}.${match[2]}`);
  const jobs = ['restore', 'undo-restore', 'verify', 'validate', 'drill', 'scan', 'snapshot'];
  const cases: [string, string[], string][] = [
    ['errors', words('ErrorCode'), 'ui.error.'],
    ['stages', words('Stage'), 'ui.stage.'],
    ['reasons of a new line', words('OpenedBy'), 'ui.opened.'],
    ['jobs', jobs, 'ui.job.'],
    ['settings', settings, 'ui.set.'],
    ['explanations of settings', settings.map((key) => `${key}.what`), 'ui.set.'],
    ['pages', words('Screen'), 'ui.do.open-'],
  ];
  test.each(cases)('%s', (_, said, family) => {
    expect(said.length).toBeGreaterThan(4);
    expect(said.filter((word) => !keys.includes(family + word))).toEqual([]);
  });
  test('events', () => {
    const files = (readdirSync(join(ROOT, 'crates/engine/src'), { recursive: true }) as string[]).filter((file) => file.endsWith('.rs'));
    const kinds = files.flatMap((file) => [...rust(`engine/src/${file}`).matchAll(/\.event\(\s*"([a-z-]+)"/g)].map((match) => match[1] ?? ''));
    expect(kinds.length).toBeGreaterThan(10);
    expect(kinds.filter((kind) => !keys.includes(`ui.event.${kind}`))).toEqual([]);
  });
});

test('the Chinese half is Chinese', () => {
  const same = new Set(['ui.word.ui.language.en', 'ui.word.ui.language.zh-CN']);
  const left = keys.filter((key) => !same.has(key) && !/[\u4e00-\u9fff]/.test(zhCn[key as keyof typeof zhCn]));
  // What is only numbers and units.
  expect(left.filter((key) => /[a-z]{3}/.test(zhCn[key as keyof typeof zhCn].replace(/\{[^}]*\}/g, '')))).toEqual([]);
});
