import { expect, test } from 'vitest';

import { actionFor } from './actions';
import type { Condition, SettingRow } from './api/types';
import { cell, csv } from './download';
import { GROUPS, grouped, toggled } from './groups';

const condition = (code: string, severity = 'warning', screen = 'logs'): Condition => ({ code, severity, screen, text: '', since: '' }) as unknown as Condition;

test('a condition has the button that helps most', () => {
  expect(actionFor(condition('drill-overdue'))).toMatchObject({ does: 'job', request: { kind: 'drill' } });
  expect(actionFor(condition('history-damaged'))).toMatchObject({ request: { kind: 'scan', heal: true } });
  expect(actionFor(condition('store-down', 'failure'))).toMatchObject({ does: 'restart', what: 'store' });
  expect(actionFor(condition('same-disk', 'info', 'settings'))).toMatchObject({ page: 'settings', rest: 'store.data_dir' });
  expect(actionFor(condition('behind', 'failure'))).toMatchObject({ does: 'go', page: 'logs' });
});

test('what passes by itself has none', () => {
  expect(actionFor(condition('first-copy', 'progress'))).toBeNull();
  expect(actionFor(condition('something-new', 'warning', 'overview'))).toBeNull();
});

const row = (key: string): SettingRow => ({ key }) as SettingRow;

test('no setting is left out, not even one of a section that nobody knew', () => {
  const rows = ['ui.language', 'host.name', 'moon.phase'].map(row);
  const groups = grouped(rows);
  expect(groups.map(({ group }) => group)).toEqual(['host', 'ui', 'other']);
  expect(groups.flatMap((group) => group.rows)).toHaveLength(3);
  expect(GROUPS.at(-1)).toBe('other');
});

test('words of a list keep their order', () => {
  expect(toggled('failure', ['warning', 'failure'], 'warning')).toBe('warning,failure');
  expect(toggled('failure', ['warning', 'failure'], 'failure')).toBe('');
});

test('a table is safe for spreadsheets', () => {
  expect(cell('a "b"')).toBe('"a ""b"""');
  expect(cell('=1+1')).toBe('"\'=1+1"');
  expect(csv([['a', 'b']])).toBe('\ufeff"a","b"\r\n');
});
