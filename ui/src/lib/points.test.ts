import { describe, expect, test } from 'vitest';

import type { History } from './api/types';
import { around, beginnings, density, firstFrom, lastUntil, nearest, points, ticks, type Point } from './points';

const list = (...times: number[]): Point[] => times.map((at, index) => ({ at, txid: String(index), epoch: '1.0', level: 0 }));

const history = {
  database: 'orders',
  snapshots: [],
  epochs: [
    { record: { epoch: '1.0', opened_by: 'protection', opened_at: '2026-11-21T10:00:00Z' }, points: [{ txid: '1', level: 9, time: '2026-11-21T10:00:01Z' }, { txid: '2', level: 0, time: '2026-11-21T10:05:00Z' }] },
    // Opened from a moment before the last one of the line before.
    { record: { epoch: '1.1', opened_by: 'restore', opened_at: '2026-11-21T10:04:00Z' }, points: [{ txid: '1', level: 9, time: '2026-11-21T10:04:00Z' }] },
  ],
} as unknown as History;

test('moments of all lines of history are one list, oldest first', () => {
  expect(points(history).map(({ epoch, txid }) => `${epoch}/${txid}`)).toEqual(['1.0/1', '1.1/1', '1.0/2']);
  expect(beginnings(history).map(({ why }) => why)).toEqual(['protection', 'restore']);
});

describe('finding a moment', () => {
  const moments = list(10, 20, 20, 30);
  test('at a time: the last one up to it, as a restore gives', () => {
    expect([9, 10, 19, 20, 29, 99].map((at) => lastUntil(moments, at))).toEqual([-1, 0, 0, 2, 2, 3]);
    expect(firstFrom(moments, 20)).toBe(1);
    expect(firstFrom([], 5)).toBe(0);
  });
  test('near a pointer', () => {
    expect([0, 14, 16, 26, 99].map((at) => nearest(moments, at))).toEqual([0, 0, 1, 3, 3]);
    expect(nearest([], 5)).toBe(-1);
  });
});

test('density counts every moment in view once, those at the edge too', () => {
  const counts = density(list(-1, 0, 5, 10, 10, 11), { from: 0, to: 10 }, 4);
  expect([...counts]).toEqual([1, 0, 1, 2]);
  expect([...density(list(1), { from: 5, to: 5 }, 3)]).toEqual([0, 0, 0]);
});

test('10,000 moments are cheap to draw', () => {
  const many = list(...Array.from({ length: 10_000 }, (_, index) => index * 1000));
  const begun = performance.now();
  for (let frame = 0; frame < 100; frame += 1) density(many, { from: 0, to: 10_000_000 }, 600);
  // Far below the 16 ms of a frame, even on a busy machine.
  expect((performance.now() - begun) / 100).toBeLessThan(4);
});

test('ticks are round and not too many', () => {
  const found = ticks({ from: Date.parse('2026-11-21T10:00:30Z'), to: Date.parse('2026-11-21T10:58:00Z') }, 7);
  expect(found.length).toBeGreaterThan(2);
  expect(found.length).toBeLessThanOrEqual(7);
  expect(found.every((at) => at % 900_000 === 0)).toBe(true);
  expect(ticks({ from: 0, to: 40 * 365 * 86_400_000 }, 5).length).toBeGreaterThan(0);
});

test('a view stays within the history', () => {
  const whole = { from: 0, to: 100_000 };
  expect(around(whole, 0, 20_000)).toEqual({ from: 0, to: 20_000 });
  expect(around(whole, 100_000, 20_000)).toEqual({ from: 80_000, to: 100_000 });
  expect(around(whole, 50_000, 900_000)).toEqual(whole);
});
