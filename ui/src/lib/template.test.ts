import { expect, test } from 'vitest';

import { fill } from './template';

const formats = { bytes: (value: unknown) => `${value} B`, count: (value: unknown) => `#${value}` };

test('texts, formats and counts with their nouns are filled in', () => {
  expect(fill('{name} has {size:bytes}', { name: 'orders', size: 5 }, formats)).toBe('orders has 5 B');
  expect(fill('{n|row|rows}', { n: 1 }, formats)).toBe('#1 row');
  expect(fill('{n|row|rows}', { n: 0 }, formats)).toBe('#0 rows');
  expect(fill('{n} 行', { n: 2 }, formats)).toBe('#2 行');
});

test('what is missing is seen, and what is filled in is not looked at again', () => {
  expect(fill('{a} {b:bytes} {c:nonsense} {d|x|y}', { a: '{b:bytes}', c: 1 }, formats)).toBe('{b:bytes} {b:bytes} {c:nonsense} {d|x|y}');
});
