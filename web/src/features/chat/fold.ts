import type { MessageError, ToolCall, TurnEvent } from '@/platform/api/types';

/** Where a run stands. */
export type RunStatus = 'running' | 'complete' | 'failed' | 'cancelled' | 'interrupted';

/** What a turn is at, when it says so: the step's name, and an English sentence. */
export interface Progress {
  step: string;
  message: string;
}

/** What the events of a turn add up to. */
export interface Run {
  turnId: string;
  seq: number;
  status: RunStatus;
  text: string;
  thinking: string;
  toolCalls: ToolCall[];
  requestedModel: string | null;
  model: string | null;
  profile: string | null;
  node: string | null;
  cut: number;
  progress: Progress | null;
  inputTokens: number | null;
  outputTokens: number | null;
  estimated: boolean;
  firstTokenMs: number | null;
  tokensPerSecond: number | null;
  finishReason: string | null;
  error: MessageError | null;
  /** When thinking was first and last heard of, by our clock. */
  thinkingFrom: number | null;
  thinkingTo: number | null;
}

/** A turn of which nothing was heard yet. */
export function emptyRun(turnId: string): Run {
  return {
    turnId,
    seq: 0,
    status: 'running',
    text: '',
    thinking: '',
    toolCalls: [],
    requestedModel: null,
    model: null,
    profile: null,
    node: null,
    cut: 0,
    progress: null,
    inputTokens: null,
    outputTokens: null,
    estimated: false,
    firstTokenMs: null,
    tokensPerSecond: null,
    finishReason: null,
    error: null,
    thinkingFrom: null,
    thinkingTo: null,
  };
}

/** How long a run thought, by our clock, if it did. */
export function thinkingMs({ thinkingFrom, thinkingTo }: Run): number | null {
  return thinkingFrom === null || thinkingTo === null ? null : thinkingTo - thinkingFrom;
}

/** What became of an event. */
export type Applied = 'applied' | 'repeated' | 'gap';

/**
 * Adds one event to a run, in place: this happens for every token and must not
 * copy what is there. An event that was had already changes nothing, one that
 * comes too early is refused.
 */
export function applyEvent(run: Run, event: TurnEvent, now: number): Applied {
  if (event.seq <= run.seq || run.status !== 'running') return 'repeated';
  // A snapshot stands for everything before it, so it may leap.
  if (event.seq > run.seq + 1 && event.type !== 'turn.snapshot') return 'gap';
  run.seq = event.seq;
  change(run, event, now);
  return 'applied';
}

function change(run: Run, event: TurnEvent, now: number): void {
  switch (event.type) {
    case 'turn.started':
      run.requestedModel = event.requested_model;
      break;
    case 'model.selected':
      run.model = event.model;
      run.profile = event.profile ?? null;
      run.node = event.node;
      break;
    case 'context.cut':
      run.cut = event.messages;
      break;
    case 'thinking.delta':
      run.thinking += event.text;
      run.thinkingFrom ??= now;
      run.thinkingTo = now;
      break;
    case 'text.delta':
      run.text += event.text;
      run.progress = null;
      break;
    case 'turn.snapshot':
      run.text = event.text;
      run.thinking = event.thinking;
      break;
    case 'tool.started':
      run.toolCalls = [
        ...run.toolCalls,
        {
          call_id: event.call_id,
          name: event.name,
          arguments: event.arguments,
          output: null,
          is_error: false,
          duration_ms: null,
        },
      ];
      break;
    case 'tool.finished':
      run.toolCalls = run.toolCalls.map((call) =>
        call.call_id === event.call_id && (call.output ?? null) === null
          ? {
              ...call,
              output: event.output,
              is_error: event.is_error,
              duration_ms: event.duration_ms,
            }
          : call,
      );
      break;
    case 'progress':
      run.progress = { step: event.step, message: event.message };
      break;
    case 'usage':
      run.inputTokens = event.input_tokens;
      run.outputTokens = event.output_tokens;
      run.estimated = event.estimated;
      run.firstTokenMs = event.first_token_ms ?? null;
      run.tokensPerSecond = event.tokens_per_second ?? null;
      break;
    case 'turn.completed':
      run.status = 'complete';
      run.finishReason = event.finish_reason;
      break;
    case 'turn.failed':
      run.status = 'failed';
      run.error = { code: event.code, detail: event.detail, hint: event.hint ?? null };
      break;
    case 'turn.cancelled':
      run.status = 'cancelled';
      break;
    case 'turn.interrupted':
      run.status = 'interrupted';
      break;
    default:
      // Agents and citations come with later pages; an unknown event of a
      // newer server changes nothing.
      break;
  }
}
