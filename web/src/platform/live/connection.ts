import type { ClientFrame, ServerFrame, TurnEvent } from '../api/types';
import { Listeners } from '../listeners';

/** The part of a WebSocket that is used. */
export interface Socket {
  send(text: string): void;
  close(): void;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: (() => void) | null;
}

/** What the connection needs from outside, so that tests can give their own. */
export interface LiveDeps {
  openSocket: () => Socket;
  openEvents: (turnId: string, after: number, signal: AbortSignal) => AsyncIterable<TurnEvent>;
  token: () => Promise<string | null>;
  setTimeout: (run: () => void, ms: number) => number;
  clearTimeout: (timer: number) => void;
  random: () => number;
}

/** One turn that is followed. */
export interface Watcher {
  /** The last sequence number that is had. */
  after: () => number;
  onEvent: (event: TurnEvent) => void;
  /** The server knows no such turn, or not for this person. */
  onRefused: (code: string) => void;
}

/**
 * `idle` before the start and after the end; `waiting` between two tries;
 * `streams` when WebSocket does not get through and each turn has a stream of
 * its own.
 */
export type LiveState = 'idle' | 'connecting' | 'open' | 'waiting' | 'streams';

const FIRST_DELAY_MS = 500;
const LAST_DELAY_MS = 15_000;
/** Failures in a row, never having been open, after which streams are used. */
const FAILURES_TO_STREAMS = 3;
const RETRY_SOCKET_MS = 60_000;
const HANDSHAKE_MS = 10_000;
const RETRY_TURN_MS = 3_000;
/** What will be so the next time too. */
const FINAL: ReadonlySet<unknown> = new Set(['not_found', 'forbidden']);

function isEvent(frame: ServerFrame | TurnEvent): frame is TurnEvent {
  return 'seq' in frame;
}

/**
 * The one live connection of the page: a WebSocket that comes back by itself
 * and resumes every followed turn from its last event.
 */
export class LiveConnection {
  readonly #deps: LiveDeps;
  readonly #frames = new Listeners<ServerFrame>();
  readonly #stateChanged = new Listeners();
  readonly #reconnected = new Listeners();
  readonly #watchers = new Map<string, Watcher>();
  readonly #streams = new Map<string, AbortController>();
  #state: LiveState = 'idle';
  #socket: Socket | null = null;
  #failures = 0;
  #wasReady = false;
  #heard = true;
  #pingMs = 0;
  #retryTimer: number | null = null;
  #pingTimer: number | null = null;

  constructor(deps: LiveDeps) {
    this.#deps = deps;
  }

  /** For `useSyncExternalStore`. */
  subscribe = (listener: () => void): (() => void) => this.#stateChanged.add(listener);

  /** For `useSyncExternalStore`. */
  state = (): LiveState => this.#state;

  /** Calls back with each frame that is not a turn's event. */
  onFrame(listener: (frame: ServerFrame) => void): () => void {
    return this.#frames.add(listener);
  }

  /** Calls back when the connection is back after a gap: what is shown may be old. */
  onReconnected(listener: () => void): () => void {
    return this.#reconnected.add(listener);
  }

  /** Connects, and stays connected. */
  start(): void {
    if (this.#state === 'idle') this.#connect();
  }

  /** Disconnects for good. */
  stop(): void {
    this.#cancelTimers();
    this.#drop();
    for (const stream of this.#streams.values()) stream.abort();
    this.#streams.clear();
    this.#watchers.clear();
    this.#failures = 0;
    this.#wasReady = false;
    this.#set('idle');
  }

  /** Tries at once instead of after the delay: the network is back, or the eye. */
  hurry(): void {
    if (this.#state !== 'waiting') return;
    this.#cancelTimers();
    this.#connect();
  }

  /** Follows a turn until the answer is called. */
  watch(turnId: string, watcher: Watcher): () => void {
    this.#watchers.set(turnId, watcher);
    if (this.#state === 'open') this.resume(turnId);
    else if (this.#state === 'streams') this.#stream(turnId);
    return () => {
      if (this.#watchers.get(turnId) !== watcher) return;
      this.#watchers.delete(turnId);
      this.#streams.get(turnId)?.abort();
      if (this.#state === 'open') this.#send({ type: 'unsubscribe', turn_id: turnId });
    };
  }

  /** Asks for a turn's events again, from the last one that is had. */
  resume(turnId: string): void {
    const watcher = this.#watchers.get(turnId);
    if (!watcher) return;
    if (this.#state === 'open') {
      this.#send({ type: 'subscribe', turn_id: turnId, after: watcher.after() });
    } else if (this.#state === 'streams') {
      this.#streams.get(turnId)?.abort();
      this.#streams.delete(turnId);
      this.#stream(turnId);
    }
  }

  /** The access token was replaced: the socket must know before the old one ends. */
  authenticate(token: string): void {
    if (this.#state === 'open') this.#send({ type: 'auth', access_token: token });
  }

  #connect(): void {
    if (this.#state !== 'streams') this.#set('connecting');
    let socket: Socket;
    try {
      socket = this.#deps.openSocket();
    } catch {
      this.#failed();
      return;
    }
    this.#socket = socket;
    const current = () => this.#socket === socket;
    this.#pingTimer = this.#deps.setTimeout(() => {
      if (current()) this.#lost();
    }, HANDSHAKE_MS);
    socket.onopen = () => {
      void this.#deps.token().then((token) => {
        if (!current()) return;
        if (token === null) this.#lost();
        else socket.send(JSON.stringify({ type: 'auth', access_token: token }));
      });
    };
    socket.onmessage = ({ data }) => {
      if (current() && typeof data === 'string') this.#receive(data);
    };
    socket.onclose = () => {
      if (current()) this.#lost();
    };
  }

  #receive(data: string): void {
    this.#heard = true;
    let frame: ServerFrame | TurnEvent;
    try {
      frame = JSON.parse(data) as ServerFrame | TurnEvent;
    } catch {
      return;
    }
    if (isEvent(frame)) {
      this.#watchers.get(frame.turn_id)?.onEvent(frame);
      return;
    }
    if (frame.type === 'ready') this.#ready(frame.ping_interval * 1000);
    else if (frame.type === 'resync') this.resume(frame.turn_id);
    else if (frame.type === 'error' && frame.reference) {
      this.#refused(frame.reference, frame.problem.code);
    }
    this.#frames.emit(frame);
  }

  #refused(turnId: string, code: string): void {
    const watcher = this.#watchers.get(turnId);
    if (FINAL.has(code)) watcher?.onRefused(code);
    else if (watcher) this.#deps.setTimeout(() => this.resume(turnId), RETRY_TURN_MS);
  }

  #ready(pingMs: number): void {
    // Also the answer to a renewed token on a connection that is open already.
    if (this.#state === 'open') return;
    const back = this.#wasReady || this.#state === 'streams';
    for (const stream of this.#streams.values()) stream.abort();
    this.#streams.clear();
    this.#failures = 0;
    this.#wasReady = true;
    this.#pingMs = pingMs;
    this.#cancelTimers();
    this.#set('open');
    this.#schedulePing();
    for (const turnId of this.#watchers.keys()) this.resume(turnId);
    if (back) this.#reconnected.emit();
  }

  #schedulePing(): void {
    this.#pingTimer = this.#deps.setTimeout(() => {
      if (!this.#heard) {
        this.#lost();
        return;
      }
      this.#heard = false;
      this.#send({ type: 'ping' });
      this.#schedulePing();
    }, this.#pingMs);
  }

  #lost(): void {
    this.#drop();
    this.#failed();
  }

  #failed(): void {
    this.#cancelTimers();
    this.#failures += 1;
    if (!this.#wasReady && this.#failures >= FAILURES_TO_STREAMS) {
      this.#set('streams');
      for (const turnId of this.#watchers.keys()) this.#stream(turnId);
      this.#retryTimer = this.#deps.setTimeout(() => this.#connect(), RETRY_SOCKET_MS);
      return;
    }
    this.#set('waiting');
    this.#retryTimer = this.#deps.setTimeout(() => this.#connect(), this.#delay(this.#failures));
  }

  #delay(failures: number): number {
    const full = Math.min(FIRST_DELAY_MS * 2 ** (failures - 1), LAST_DELAY_MS);
    return full * (0.5 + this.#deps.random() / 2);
  }

  #stream(turnId: string): void {
    if (this.#streams.has(turnId)) return;
    const stop = new AbortController();
    this.#streams.set(turnId, stop);
    void this.#follow(turnId, stop.signal).finally(() => {
      if (this.#streams.get(turnId) === stop) this.#streams.delete(turnId);
    });
  }

  async #follow(turnId: string, signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; failures += 1) {
      const watcher = this.#watchers.get(turnId);
      if (!watcher) return;
      try {
        for await (const event of this.#deps.openEvents(turnId, watcher.after(), signal)) {
          if (signal.aborted) return;
          failures = 0;
          watcher.onEvent(event);
        }
      } catch (error) {
        const { code } = error as { code?: unknown };
        if (FINAL.has(code)) {
          watcher.onRefused(String(code));
          return;
        }
      }
      await new Promise<void>((resolve) => {
        this.#deps.setTimeout(resolve, this.#delay(failures + 1));
      });
    }
  }

  #send(frame: ClientFrame): void {
    this.#socket?.send(JSON.stringify(frame));
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#heard = true;
    if (socket) {
      socket.onopen = null;
      socket.onmessage = null;
      socket.onclose = null;
      socket.close();
    }
  }

  #cancelTimers(): void {
    for (const timer of [this.#retryTimer, this.#pingTimer]) {
      if (timer !== null) this.#deps.clearTimeout(timer);
    }
    this.#retryTimer = null;
    this.#pingTimer = null;
  }

  #set(state: LiveState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#stateChanged.emit();
  }
}
