import type { Problem } from './types';

/** An error that the server explained. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';

  constructor(
    readonly problem: Problem,
    readonly retryAfter: number | null = null,
  ) {
    super(problem.detail);
  }

  get code(): string {
    return this.problem.code;
  }

  get status(): number {
    return this.problem.status;
  }

  /** What is wrong with one field, where the server said. */
  field(name: string): string | null {
    return this.problem.fields?.find((field) => field.field === name)?.code ?? null;
  }
}

/** No answer came: the server is down, or the network is. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

/** Whether an error says that the thing is not there (or is not yours). */
export function isNotFound(error: unknown): boolean {
  return error instanceof ApiProblem && error.status === 404;
}

/** What an error says in the shape of OpenAI's and Anthropic's protocols, which our doors speak. */
function foreignMessage(body: unknown): string | null {
  if (body === null || typeof body !== 'object' || !('error' in body)) return null;
  const { error } = body;
  if (error === null || typeof error !== 'object' || !('message' in error)) return null;
  return typeof error.message === 'string' ? error.message : null;
}

/** The problem of an answer that is not one of success. */
export async function readProblem(response: Response): Promise<ApiProblem> {
  const seconds = Number(response.headers.get('retry-after'));
  const retryAfter = Number.isFinite(seconds) && seconds > 0 ? seconds : null;
  const body: unknown = await response.json().catch(() => null);
  if (body !== null && typeof body === 'object' && 'code' in body && 'detail' in body) {
    return new ApiProblem(body as Problem, retryAfter);
  }
  const foreign = foreignMessage(body);
  // Without one, a proxy answered, not our server.
  return new ApiProblem(
    {
      type: 'about:blank',
      title: response.statusText,
      status: response.status,
      code: foreign !== null ? 'foreign' : response.status >= 500 ? 'unavailable' : 'internal',
      detail: foreign ?? `HTTP ${response.status}`,
    },
    retryAfter,
  );
}
