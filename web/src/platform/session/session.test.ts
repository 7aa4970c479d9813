import { beforeEach, describe, expect, it } from 'vitest';
import { ApiProblem, Unreachable } from '@/platform/api/problem';
import { ManualTimers, settled } from '@/testing/timers';
import { Session } from './session';

const USER = { id: 'u', email: 'a@b.c', display_name: 'A', role: 'user' };
const problem = (status: number) =>
  new ApiProblem({ type: 'about:blank', title: '', status, code: 'x', detail: '' });

describe('the session', () => {
  let timers: ManualTimers;
  let asked: number;
  let answer: () => unknown;
  let remembered: boolean;
  let session: Session;

  beforeEach(() => {
    timers = new ManualTimers();
    asked = 0;
    remembered = true;
    answer = () => ({ access_token: `token-${asked}`, expires_in: 900, user: USER });
    session = new Session({
      ...timers,
      now: timers.now,
      sendJson: async <T>() => {
        asked += 1;
        const given = answer();
        if (given instanceof Error) throw given;
        return given as T;
      },
      remembers: () => remembered,
      remember: (value) => {
        remembered = value;
      },
    });
  });

  it('asks nothing of the server where nobody was signed in', async () => {
    remembered = false;
    await session.start();
    expect(asked).toBe(0);
    expect(session.state()).toEqual({ status: 'signed-out', reason: null });
  });

  it('takes up the session of the last visit', async () => {
    await session.start();
    expect(session.state()).toEqual({ status: 'signed-in', user: USER });
    expect(await session.token()).toBe('token-1');
  });

  it('refreshes once for all who ask', async () => {
    await session.start();
    const tokens = await Promise.all([session.refresh(), session.refresh(), session.refresh()]);
    expect(tokens).toEqual(['token-2', 'token-2', 'token-2']);
    expect(asked).toBe(2);
  });

  it('replaces the token before it ends, and says so', async () => {
    const tokens: string[] = [];
    session.onToken((token) => tokens.push(token));
    await session.start();
    timers.advance(839_000);
    await settled();
    expect(asked).toBe(1);
    timers.advance(1_000);
    await settled();
    expect(tokens).toEqual(['token-1', 'token-2']);
  });

  it('is over when the server says so, and says why it ended', async () => {
    await session.start();
    answer = () => problem(401);
    expect(await session.refresh()).toBeNull();
    expect(session.state()).toEqual({ status: 'signed-out', reason: 'expired' });
    expect(remembered).toBe(false);
    expect(timers.pending).toBe(0);
  });

  it('is not over because the server cannot be reached', async () => {
    await session.start();
    answer = () => new Unreachable('down');
    await session.refresh();
    expect(session.state().status).toBe('signed-in');
    answer = () => ({ access_token: 'back', expires_in: 900, user: USER });
    timers.advance(3_000);
    await settled();
    expect(await session.token()).toBe('back');
  });

  it('says that the server cannot be reached when the page opens, and tries again', async () => {
    answer = () => problem(503);
    await session.start();
    expect(session.state()).toEqual({ status: 'unreachable' });
    answer = () => ({ access_token: 'ok', expires_in: 900, user: USER });
    await session.start();
    expect(session.state().status).toBe('signed-in');
  });

  it('gives no token after the end', async () => {
    await session.start();
    session.end('revoked');
    expect(session.state()).toEqual({ status: 'signed-out', reason: 'revoked' });
    expect(await session.token()).toBeNull();
    expect(asked).toBe(1);
  });
});
