// The order and the groups in which settings are shown. What is in no group here is shown in the last one, so that a new
// setting is never missing.
import type { SettingRow } from './api/types';

export const GROUPS = ['host', 'store', 'capture', 'verify', 'notify', 'health', 'ui', 'other'] as const;
export type Group = (typeof GROUPS)[number];

export function grouped(rows: readonly SettingRow[]): { group: Group; rows: SettingRow[] }[] {
  const of = (row: SettingRow): Group => {
    const section = row.key.split('.')[0] as Group;
    return GROUPS.includes(section) ? section : 'other';
  };
  return GROUPS.map((group) => ({ group, rows: rows.filter((row) => of(row) === group) })).filter(
    ({ rows: own }) => own.length > 0,
  );
}

/** The words of a list as they are written in one line. */
export function toggled(value: string, words: readonly string[], word: string): string {
  const now = new Set(value.split(',').filter(Boolean));
  if (now.has(word)) now.delete(word);
  else now.add(word);
  return words.filter((one) => now.has(one)).join(',');
}
