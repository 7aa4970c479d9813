import { type HttpOptions, sendJson } from '../api/http';
import { ApiProblem } from '../api/problem';
import type { SignedIn, User } from '../api/types';
import { Listeners } from '../listeners';

/** Why one is not signed in, where there is more to say than that. */
export type EndReason =
  | 'signed_out'
  | 'revoked'
  | 'expired'
  | 'password_changed'
  | 'account_changed';

/** Who uses the page. */
export type SessionState =
  | { status: 'starting' }
  | { status: 'unreachable' }
  | { status: 'signed-in'; user: User }
  | { status: 'signed-out'; reason: EndReason | null };

/** What the session needs from outside, so that tests can give their own. */
export interface SessionDeps {
  sendJson: <T>(path: string, options?: HttpOptions) => Promise<T>;
  now: () => number;
  setTimeout: (run: () => void, ms: number) => number;
  clearTimeout: (timer: number) => void;
  /** Whether this browser was signed in when it was here last. */
  remembers: () => boolean;
  remember: (signedIn: boolean) => void;
}

/** How long before its end a token is replaced. */
const AHEAD_MS = 60_000;
const RETRY_MS = 3_000;

/**
 * The access token, in memory only, and who it belongs to. All callers share
 * one refresh.
 */
export class Session {
  readonly #deps: SessionDeps;
  readonly #changed = new Listeners();
  readonly #renewed = new Listeners<string>();
  #state: SessionState = { status: 'starting' };
  #token: string | null = null;
  #expiresAt = 0;
  #refreshing: Promise<string | null> | null = null;
  #timer: number | null = null;

  constructor(deps: SessionDeps) {
    this.#deps = deps;
  }

  /** For `useSyncExternalStore`. */
  subscribe = (listener: () => void): (() => void) => this.#changed.add(listener);

  /** For `useSyncExternalStore`. */
  state = (): SessionState => this.#state;

  /** Calls back with each new access token. */
  onToken(listener: (token: string) => void): () => void {
    return this.#renewed.add(listener);
  }

  /** Finds out who this is: once, at the start of the page. */
  async start(): Promise<void> {
    if (this.#state.status !== 'starting' && this.#state.status !== 'unreachable') return;
    // Asking without a cookie would only put an error into the console.
    if (!this.#deps.remembers()) this.#set({ status: 'signed-out', reason: null });
    else await this.refresh();
  }

  /** Takes what signing in, registering or a refresh gave. */
  accept(signedIn: SignedIn): void {
    this.#token = signedIn.access_token;
    this.#expiresAt = this.#deps.now() + signedIn.expires_in * 1000;
    this.#deps.remember(true);
    this.#schedule(Math.max(this.#expiresAt - this.#deps.now() - AHEAD_MS, 5_000));
    this.#set({ status: 'signed-in', user: signedIn.user });
    this.#renewed.emit(signedIn.access_token);
  }

  /** The profile changed. */
  updateUser(user: User): void {
    if (this.#state.status === 'signed-in') this.#set({ status: 'signed-in', user });
  }

  /** A token that still holds, refreshed when needed; `null` when signed out. */
  async token(): Promise<string | null> {
    if (this.#token !== null && this.#deps.now() < this.#expiresAt - 5_000) return this.#token;
    return this.#state.status === 'signed-out' ? null : this.refresh();
  }

  /** Replaces the token; all who ask meanwhile get the same. */
  refresh(): Promise<string | null> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #refresh(): Promise<string | null> {
    try {
      const signedIn = await this.#deps.sendJson<SignedIn>('/api/v1/auth/refresh', {
        method: 'POST',
      });
      this.accept(signedIn);
      return signedIn.access_token;
    } catch (error) {
      if (error instanceof ApiProblem && error.status < 500 && error.status !== 429) {
        this.end(this.#state.status === 'signed-in' ? 'expired' : null);
        return null;
      }
      // The server cannot say now; that does not sign anyone out.
      if (this.#state.status === 'starting') this.#set({ status: 'unreachable' });
      this.#schedule(RETRY_MS);
      return null;
    }
  }

  /** The session is over here; the server knows already. */
  end(reason: EndReason | null): void {
    this.#token = null;
    this.#expiresAt = 0;
    if (this.#timer !== null) this.#deps.clearTimeout(this.#timer);
    this.#timer = null;
    this.#deps.remember(false);
    if (this.#state.status !== 'signed-out') this.#set({ status: 'signed-out', reason });
  }

  #schedule(ms: number): void {
    if (this.#timer !== null) this.#deps.clearTimeout(this.#timer);
    this.#timer = this.#deps.setTimeout(() => {
      this.#timer = null;
      void this.refresh();
    }, ms);
  }

  #set(state: SessionState): void {
    this.#state = state;
    this.#changed.emit();
  }
}

/** The page's session. */
export function browserSession(remember: Pick<SessionDeps, 'remembers' | 'remember'>): Session {
  return new Session({
    sendJson,
    now: () => Date.now(),
    setTimeout: (run, ms) => window.setTimeout(run, ms),
    clearTimeout: (timer) => window.clearTimeout(timer),
    ...remember,
  });
}
