import { session } from '../session';
import { type HttpOptions, send, sendJson } from './http';
import { ApiProblem } from './problem';

type CallOptions = Omit<HttpOptions, 'token'>;

async function authorised<T>(run: (token: string | null) => Promise<T>): Promise<T> {
  try {
    return await run(await session.token());
  } catch (error) {
    if (!(error instanceof ApiProblem) || error.status !== 401) throw error;
    // Revoked or expired early: one refresh, one more try.
    const token = await session.refresh();
    if (token === null) throw error;
    return run(token);
  }
}

/** Calls the API as the person who is signed in, and reads the answer's JSON. */
export function call<T>(path: string, options: CallOptions = {}): Promise<T> {
  return authorised((token) => sendJson<T>(`/api/v1${path}`, { ...options, token }));
}

/** The same for an answer that is not JSON. */
export function callRaw(path: string, options: CallOptions = {}): Promise<Response> {
  return authorised((token) => send(`/api/v1${path}`, { ...options, token }));
}
