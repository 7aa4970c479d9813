import { describe, expect, it } from 'vitest';
import { SseParser } from './sse';

const STREAM =
  ': hello\n\nid: 1\nevent: text.delta\ndata: {"text":"안녕"}\n\n' +
  'id: 2\r\ndata: a\r\ndata: b\r\n\r\n\ndata:no space\n\n';
const EVENTS = [
  { id: '1', event: 'text.delta', data: '{"text":"안녕"}' },
  { id: '2', event: 'message', data: 'a\nb' },
  { id: '2', event: 'message', data: 'no space' },
];

describe('server-sent events', () => {
  it('are the same however the stream is cut', () => {
    for (let size = 1; size <= STREAM.length; size += 1) {
      const parser = new SseParser();
      const events = [];
      for (let at = 0; at < STREAM.length; at += size) {
        events.push(...parser.push(STREAM.slice(at, at + size)));
      }
      expect(events, `pieces of ${size}`).toEqual(EVENTS);
    }
  });

  it('gives nothing for an event that is not finished', () => {
    expect(new SseParser().push('data: half\n')).toEqual([]);
  });
});
