import { beforeEach, describe, expect, it } from 'vitest';
import type { TurnEvent } from '@/platform/api/types';
import { wholeTurn } from '@/testing/builders';
import { ManualTimers, settled } from '@/testing/timers';
import { LiveConnection, type Socket } from './connection';

class FakeSocket implements Socket {
  sent: { type: string; [key: string]: unknown }[] = [];
  closed = false;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  send = (text: string) => {
    this.sent.push(JSON.parse(text));
  };
  close = () => {
    this.closed = true;
  };
  receive(frame: unknown) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
}

describe('the live connection', () => {
  let timers: ManualTimers;
  let sockets: FakeSocket[];
  let streams: { turnId: string; after: number }[];
  let streamed: TurnEvent[];
  let live: LiveConnection;

  beforeEach(() => {
    timers = new ManualTimers();
    sockets = [];
    streams = [];
    streamed = [];
    live = new LiveConnection({
      ...timers,
      random: () => 1,
      token: () => Promise.resolve('token'),
      openSocket: () => {
        const socket = new FakeSocket();
        sockets.push(socket);
        return socket;
      },
      openEvents: async function* (turnId, after) {
        streams.push({ turnId, after });
        yield* streamed.filter(({ seq }) => seq > after);
      },
    });
  });

  const last = () => sockets[sockets.length - 1] as FakeSocket;

  async function open() {
    last().onopen?.();
    await settled();
    last().receive({ type: 'ready', ping_interval: 20 });
  }

  function watch(turnId: string) {
    const seen: TurnEvent[] = [];
    const refused: string[] = [];
    const stop = live.watch(turnId, {
      after: () => seen.at(-1)?.seq ?? 0,
      onEvent: (event) => seen.push(event),
      onRefused: (code) => refused.push(code),
    });
    return { seen, refused, stop };
  }

  it('authenticates first, then asks for what it has not', async () => {
    const { seen } = watch('t');
    live.start();
    await open();
    expect(last().sent).toEqual([
      { type: 'auth', access_token: 'token' },
      { type: 'subscribe', turn_id: 't', after: 0 },
    ]);
    for (const event of wholeTurn('t')) last().receive(event);
    expect(seen).toHaveLength(wholeTurn('t').length);
  });

  it('comes back after a cut and resumes from the last event', async () => {
    let returns = 0;
    live.onReconnected(() => {
      returns += 1;
    });
    live.start();
    await open();
    const { seen } = watch('t');
    for (const event of wholeTurn('t').slice(0, 4)) last().receive(event);
    last().onclose?.();
    expect(live.state()).toBe('waiting');
    timers.advance(500);
    await open();
    expect(last().sent.at(-1)).toEqual({ type: 'subscribe', turn_id: 't', after: 4 });
    expect(seen).toHaveLength(4);
    expect(returns).toBe(1);
  });

  it('waits longer after each failure, with an end to it', async () => {
    live.start();
    await open();
    const waits: number[] = [];
    for (let failure = 0; failure < 9; failure += 1) {
      last().onclose?.();
      const before = sockets.length;
      let waited = 0;
      while (sockets.length === before) {
        timers.advance(100);
        waited += 100;
      }
      waits.push(waited);
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000, 15_000]);
  });

  it('does not wait when the network is back', async () => {
    live.start();
    await open();
    last().onclose?.();
    live.hurry();
    expect(sockets).toHaveLength(2);
    live.hurry();
    expect(sockets).toHaveLength(2);
  });

  it('notices a connection that has gone silent', async () => {
    live.start();
    await open();
    timers.advance(20_000);
    expect(last().sent.at(-1)).toEqual({ type: 'ping' });
    last().receive({ type: 'pong' });
    timers.advance(20_000);
    expect(live.state()).toBe('open');
    timers.advance(20_000);
    expect(live.state()).toBe('waiting');
    expect(sockets[0]?.closed).toBe(true);
  });

  it('gives up a handshake that takes too long', () => {
    live.start();
    timers.advance(10_000);
    expect(sockets[0]?.closed).toBe(true);
    expect(live.state()).toBe('waiting');
  });

  it('subscribes again when it fell behind', async () => {
    live.start();
    await open();
    watch('t');
    last().receive(wholeTurn('t')[0]);
    last().receive({ type: 'resync', turn_id: 't' });
    expect(last().sent.at(-1)).toEqual({ type: 'subscribe', turn_id: 't', after: 1 });
  });

  it('says which turn was refused', async () => {
    live.start();
    await open();
    const { refused } = watch('t');
    last().receive({ type: 'error', reference: 't', problem: { code: 'not_found' } });
    expect(refused).toEqual(['not_found']);
  });

  it('asks again for a turn that could not be had just now', async () => {
    live.start();
    await open();
    const { refused } = watch('t');
    last().receive({ type: 'error', reference: 't', problem: { code: 'unavailable' } });
    expect(refused).toEqual([]);
    const before = last().sent.length;
    timers.advance(3_000);
    expect(last().sent.slice(before)).toEqual([{ type: 'subscribe', turn_id: 't', after: 0 }]);
  });

  it('sends a new token on the connection that is open', async () => {
    live.start();
    await open();
    live.authenticate('next');
    expect(last().sent.at(-1)).toEqual({ type: 'auth', access_token: 'next' });
    const count = sockets.length;
    last().receive({ type: 'ready', ping_interval: 20 });
    expect(sockets).toHaveLength(count);
    expect(live.state()).toBe('open');
  });

  it('passes on what changed, and survives nonsense', async () => {
    const types: string[] = [];
    live.onFrame(({ type }) => types.push(type));
    live.start();
    await open();
    last().onmessage?.({ data: 'not json' });
    last().onmessage?.({ data: new Uint8Array() });
    last().receive({ type: 'conversation.changed', id: 'c', version: 2 });
    expect(types).toEqual(['ready', 'conversation.changed']);
  });

  it('forgets a turn that is no longer watched', async () => {
    live.start();
    await open();
    const { seen, stop } = watch('t');
    stop();
    expect(last().sent.at(-1)).toEqual({ type: 'unsubscribe', turn_id: 't' });
    last().receive(wholeTurn('t')[0]);
    expect(seen).toHaveLength(0);
  });

  describe('where WebSocket does not get through', () => {
    async function fail(times: number) {
      for (let failure = 0; failure < times; failure += 1) {
        last().onclose?.();
        timers.advance(4_000);
        await settled();
      }
    }

    it('reads each turn as a stream of its own', async () => {
      streamed = wholeTurn('t');
      const { seen } = watch('t');
      live.start();
      await fail(3);
      expect(live.state()).toBe('streams');
      await settled();
      expect(streams[0]).toEqual({ turnId: 't', after: 0 });
      expect(seen).toHaveLength(streamed.length);
    });

    it('resumes a stream that broke off', async () => {
      streamed = wholeTurn('t').slice(0, 3);
      watch('t');
      live.start();
      await fail(3);
      await settled();
      timers.advance(1_000);
      await settled();
      expect(streams.slice(0, 2)).toEqual([
        { turnId: 't', after: 0 },
        { turnId: 't', after: 3 },
      ]);
    });

    it('goes back to the socket when that gets through', async () => {
      live.start();
      await fail(3);
      timers.advance(60_000);
      await open();
      expect(live.state()).toBe('open');
    });
  });

  it('leaves nothing behind when stopped', async () => {
    live.start();
    await open();
    watch('t');
    live.stop();
    expect(live.state()).toBe('idle');
    expect(last().closed).toBe(true);
    expect(timers.pending).toBe(0);
  });
});
