import { expect, test } from 'vitest';

import { EventParser } from './sse';

const TEXT = ': alive\n\nevent: status\ndata: {"a":\ndata: 1}\n\nevent:job\r\ndata:x\r\n\r\ndata: unnamed\n\n';
const EVENTS = [{ name: 'status', data: '{"a":\n1}' }, { name: 'job', data: 'x' }, { name: '', data: 'unnamed' }];

test('events are whole wherever the stream is cut', () => {
  for (let cut = 0; cut <= TEXT.length; cut += 1) {
    const parser = new EventParser();
    expect([...parser.feed(TEXT.slice(0, cut)), ...parser.feed(TEXT.slice(cut))], `cut at ${cut}`).toEqual(EVENTS);
  }
});

test('an event that is not whole yet is not told', () => {
  expect(new EventParser().feed('event: status\ndata: 1\n')).toEqual([]);
});
