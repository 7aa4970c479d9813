import { describe, expect, it } from 'vitest';
import type { TurnEvent } from '@/platform/api/types';
import { events, wholeTurn } from '@/testing/builders';
import { applyEvent, emptyRun, type Run } from './fold';

function fold(all: readonly TurnEvent[]): Run {
  const run = emptyRun('t');
  for (const event of all) applyEvent(run, event, event.seq * 100);
  return run;
}

describe('folding a turn', () => {
  it('adds up to the answer', () => {
    const run = fold(wholeTurn('t'));
    expect(run).toMatchObject({
      status: 'complete',
      text: '답은 2입니다.',
      thinking: 'hm yes',
      model: 'm',
      node: 'n',
      outputTokens: 5,
      finishReason: 'stop',
      thinkingFrom: 300,
      thinkingTo: 400,
    });
    expect(run.toolCalls).toEqual([
      {
        call_id: '1',
        name: 'calculator',
        arguments: '{"e":"1+1"}',
        output: '2',
        is_error: false,
        duration_ms: 4,
      },
    ]);
  });

  it('takes each event once, however often it comes', () => {
    const whole = wholeTurn('t');
    const twice = whole.flatMap((event, index) => [event, ...whole.slice(0, index + 1)]);
    expect(fold(twice)).toEqual(fold(whole));
  });

  it('refuses an event that comes too early, and takes it in its turn', () => {
    const whole = wholeTurn('t');
    const run = emptyRun('t');
    const [first, second, third] = whole as [TurnEvent, TurnEvent, TurnEvent];
    expect(applyEvent(run, first, 0)).toBe('applied');
    expect(applyEvent(run, third, 0)).toBe('gap');
    expect(run.seq).toBe(1);
    expect(applyEvent(run, second, 0)).toBe('applied');
    expect(applyEvent(run, third, 0)).toBe('applied');
  });

  it('comes to the same from any order in which missing events are sent again', () => {
    const whole = wholeTurn('t');
    for (let seed = 1; seed <= 50; seed += 1) {
      const shuffled = [...whole].sort(
        (a, b) => ((a.seq * 7919 * seed) % 101) - ((b.seq * 7919 * seed) % 101),
      );
      const run = emptyRun('t');
      // Each gap makes the server send what follows the last one that was had.
      for (const event of shuffled) {
        if (applyEvent(run, event, event.seq * 100) !== 'gap') continue;
        for (const again of whole.filter(({ seq }) => seq > run.seq && seq <= event.seq)) {
          applyEvent(run, again, again.seq * 100);
        }
      }
      expect(run, `seed ${seed}`).toEqual(fold(whole));
    }
  });

  it('starts from a snapshot when the events are gone', () => {
    const run = emptyRun('t');
    const snapshot = {
      seq: 90,
      turn_id: 't',
      type: 'turn.snapshot',
      text: 'all of it',
      thinking: 'hm',
    } as const;
    expect(applyEvent(run, snapshot, 0)).toBe('applied');
    const end = { seq: 91, turn_id: 't', type: 'turn.interrupted', reason: 'shutdown' } as const;
    expect(applyEvent(run, end, 0)).toBe('applied');
    expect(run).toMatchObject({ text: 'all of it', thinking: 'hm', status: 'interrupted' });
  });

  it('changes nothing after the end', () => {
    const run = fold(events('t', [{ type: 'text.delta', text: 'a' }, { type: 'turn.cancelled' }]));
    const late = { seq: 3, turn_id: 't', type: 'text.delta', text: 'b' } as const;
    expect(applyEvent(run, late, 0)).toBe('repeated');
    expect(run).toMatchObject({ text: 'a', status: 'cancelled' });
  });

  it('keeps what was written when the model fails', () => {
    const run = fold(
      events('t', [
        { type: 'text.delta', text: 'half' },
        { type: 'turn.failed', code: 'upstream_failed', detail: 'down', hint: 'wait' },
      ]),
    );
    expect(run).toMatchObject({
      text: 'half',
      status: 'failed',
      error: { code: 'upstream_failed', detail: 'down', hint: 'wait' },
    });
  });

  it('passes over an event that it does not know', () => {
    const run = emptyRun('t');
    const strange = { seq: 1, turn_id: 't', type: 'of.tomorrow' } as unknown as TurnEvent;
    expect(applyEvent(run, strange, 0)).toBe('applied');
    expect(run.seq).toBe(1);
  });
});
