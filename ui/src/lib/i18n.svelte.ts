// The language of the pages, and every text in it: one catalogue for tray, command line and pages (`assets/i18n`).
// A key that is not in the catalogue is a type error.
import en from '../../../assets/i18n/en.json';
import zhCn from '../../../assets/i18n/zh-CN.json';
import { fill, type Formats, type Value, type Values } from './template';

export type Key = keyof typeof en;
export type Tag = 'en' | 'zh-CN';

const catalogues: Record<Tag, Record<Key, string>> = { en, 'zh-CN': zhCn };
const state = $state<{ tag: Tag }>({ tag: guess() });

/** Before the engine says which language it speaks: that of the browser. */
function guess(): Tag {
  const language = typeof navigator === 'undefined' ? 'en' : navigator.language;
  return language.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en';
}

export function language(): Tag {
  return state.tag;
}

/** How dates and numbers are written: as the browser does, where it speaks the same language (en-GB for en). */
export function locale(): string {
  const same = navigator.languages.find((one) => one.split('-')[0] === state.tag.split('-')[0]);
  return state.tag === 'en' ? (same ?? state.tag) : state.tag;
}

/** Speaks the engine's language, so that its sentences and ours are of one piece. */
export function speak(tag: string): void {
  state.tag = tag === 'zh-CN' ? 'zh-CN' : 'en';
  document.documentElement.lang = state.tag;
}

/** A text. */
export function t(key: Key, values: Values = {}): string {
  return fill(catalogues[state.tag][key], values, formats);
}

/** A text whose key is put together from what the engine said; `otherwise` where the catalogue has none for it. */
export function tOr(key: string, otherwise: string, values: Values = {}): string {
  return key in en ? t(key as Key, values) : otherwise;
}

const seconds = (value: Value): number =>
  value instanceof Date ? (Date.now() - value.getTime()) / 1000 : Number(value);

const formats: Formats = {
  count: (value) => new Intl.NumberFormat(locale()).format(Number(value)),
  bytes: (value) => bytes(Number(value)),
  duration: (value) => duration(Number(value)),
  percent: (value) => `${Math.floor(Math.min(Math.max(Number(value), 0), 1) * 100)} %`,
  ago: (value) => ago(seconds(value)),
  age: (value) => duration(seconds(value)),
  clock: (value) => clock(value as Date),
  exact: (value) => exact(value as Date),
};

/** "714 bytes", "3.4 MB", in the units that Windows shows. */
export function bytes(size: number): string {
  if (size < 1024) return t('unit.byte', { n: size });
  const units = ['KB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let scaled = size / 1024;
  while (scaled >= 1023.95 && unit + 1 < units.length) {
    scaled /= 1024;
    unit += 1;
  }
  return `${scaled.toFixed(scaled < 99.95 ? 1 : 0)} ${units[unit]}`;
}

/** "2 seconds", "25 minutes", "9 days": one unit, rounded to it. */
export function duration(length: number): string {
  const whole = Math.max(length, 0);
  if (Math.round(whole) < 60) return t('unit.second', { n: Math.round(whole) });
  if (Math.round(whole / 60) < 60) return t('unit.minute', { n: Math.round(whole / 60) });
  if (Math.round(whole / 3600) < 48) return t('unit.hour', { n: Math.round(whole / 3600) });
  return t('unit.day', { n: Math.round(whole / 86400) });
}

/** How long something took: never "0 seconds". */
export const took = (length: number): string => duration(Math.max(length, 1));

/** "2 seconds ago", "just now". */
export function ago(length: number): string {
  return length < 1 ? t('time.now') : t('time.ago', { time: duration(length) });
}

const two = (number: number): string => String(number).padStart(2, '0');

/** "10:31" today; "yesterday 10:31", "Tuesday 17:00" in the last six days; else "2026-11-03 10:31". */
export function clock(at: Date, now: Date = new Date()): string {
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
  const midnight = (date: Date): number => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  const days = Math.round((midnight(at) - midnight(now)) / 86_400_000);
  if (days === 0) return time;
  let day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  if (days === -1) day = t('time.yesterday');
  else if (days === 1) day = t('time.tomorrow');
  else if (days < 0 && days >= -6) day = t(`time.weekday.${at.getDay() || 7}` as Key);
  return t('time.day', { day, clock: time });
}

/** The exact time, as people of this language write it. */
export function exact(at: Date): string {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'full', timeStyle: 'medium' }).format(at);
}
