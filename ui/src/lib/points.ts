// The moments that a database can be brought back to, as one list over all its epochs; and what of it fits a picture.
import type { History, OpenedBy } from './api/types';

/** One moment. */
export interface Point {
  at: number;
  txid: string;
  epoch: string;
  level: number;
}

/** Where a new line of history begins. */
export interface Beginning {
  at: number;
  epoch: string;
  why: OpenedBy;
}

export interface Span {
  from: number;
  to: number;
}

/** Every moment, oldest first; of several at the same millisecond the last one. */
export function points(history: History): Point[] {
  const all = history.epochs.flatMap(({ record, points: own }) =>
    own.map(({ txid, level, time }) => ({ at: Date.parse(time), txid, epoch: record.epoch, level })),
  );
  // A stable sort: within a millisecond the order of the history stays.
  return all.sort((a, b) => a.at - b.at);
}

export function beginnings(history: History): Beginning[] {
  return history.epochs.map(({ record }) => ({
    at: Date.parse(record.opened_at),
    epoch: record.epoch,
    why: record.opened_by,
  }));
}

/** The place of the first moment at or after `at`. */
export function firstFrom(list: readonly Point[], at: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle]?.at ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The place of the last moment at or before `at`: what a restore to that time gives. None before the first. */
export function lastUntil(list: readonly Point[], at: number): number {
  return firstFrom(list, at + 1) - 1;
}

/** The place of the moment nearest to `at`. */
export function nearest(list: readonly Point[], at: number): number {
  const after = firstFrom(list, at);
  const [before, behind] = [list[after - 1], list[after]];
  if (!behind) return list.length - 1;
  return before && at - before.at <= behind.at - at ? after - 1 : after;
}

/** How many moments fall into each of `columns` parts of a span. Costs what is shown, not what there is. */
export function density(list: readonly Point[], span: Span, columns: number): Uint32Array {
  const counts = new Uint32Array(Math.max(columns, 0));
  const width = (span.to - span.from) / columns;
  if (!(width > 0)) return counts;
  for (let at = firstFrom(list, span.from); at < list.length; at += 1) {
    const point = list[at];
    if (!point || point.at > span.to) break;
    const column = Math.min(Math.floor((point.at - span.from) / width), columns - 1);
    counts[column] = (counts[column] ?? 0) + 1;
  }
  return counts;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [1000, 5000, 15_000, 30_000, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR,
  12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 91 * DAY, 364 * DAY];

/** Round times in a span, at most `most` of them, on the clock of this PC. */
export function ticks(span: Span, most: number): number[] {
  const step = STEPS.find((length) => (span.to - span.from) / length <= most) ?? 364 * DAY;
  const offset = new Date(span.from).getTimezoneOffset() * MINUTE;
  const found: number[] = [];
  for (let at = Math.ceil((span.from - offset) / step) * step + offset; at <= span.to; at += step) found.push(at);
  return found;
}

/** A span of a wanted length that holds `at` and lies within `whole` as far as it can. */
export function around(whole: Span, at: number, length: number): Span {
  const all = whole.to - whole.from;
  const width = Math.min(Math.max(length, 5000), Math.max(all, 5000));
  const from = Math.min(Math.max(at - width / 2, whole.from), Math.max(whole.to - width, whole.from));
  return { from, to: from + width };
}
