import { readProblem, Unreachable } from './problem';

/** How long an answer may take to begin. */
const TIMEOUT_MS = 60_000;

/** What a request carries besides its path. */
export interface HttpOptions {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  query?: Record<string, string | number | boolean | null | undefined>;
  body?: unknown;
  /** Bytes to send as they are, in place of JSON. */
  bytes?: Blob;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
  token?: string | null;
  /** A stream lives as long as its turn; everything else must answer in time. */
  stream?: true;
}

function address(path: string, query: HttpOptions['query']): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== null && value !== undefined) search.set(name, String(value));
  }
  const text = search.toString();
  return text === '' ? path : `${path}?${text}`;
}

/** Sends one request. Throws `ApiProblem`, `Unreachable`, or the abort. */
export async function send(path: string, options: HttpOptions = {}): Promise<Response> {
  const headers: Record<string, string> = { accept: 'application/json', ...options.headers };
  if (options.token) headers.authorization = `Bearer ${options.token}`;
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  if (options.bytes) headers['content-type'] = 'application/octet-stream';
  const limits: AbortSignal[] = options.stream ? [] : [AbortSignal.timeout(TIMEOUT_MS)];
  if (options.signal) limits.push(options.signal);
  let response: Response;
  try {
    response = await fetch(address(path, options.query), {
      method: options.method ?? 'GET',
      headers,
      body: options.bytes ?? (options.body === undefined ? null : JSON.stringify(options.body)),
      credentials: 'same-origin',
      cache: 'no-store',
      signal: AbortSignal.any(limits),
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Unreachable('The server did not answer.', { cause: error });
  }
  if (!response.ok) throw await readProblem(response);
  return response;
}

/** Sends one request and reads its JSON; `undefined` for an answer without a body. */
export async function sendJson<T>(path: string, options: HttpOptions = {}): Promise<T> {
  const response = await send(path, options);
  if (response.status === 204 || response.headers.get('content-length') === '0') {
    return undefined as T;
  }
  return (await response.json()) as T;
}
