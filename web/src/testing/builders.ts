import type { Conversation, Message, Model, TurnEvent } from '@/platform/api/types';

/** A message, with what a test cares about. */
export function message(fields: Partial<Message> & { id: string }): Message {
  return {
    parent_id: null,
    turn_id: null,
    role: 'user',
    content: '',
    thinking: null,
    attachments: [],
    tool_calls: [],
    model: null,
    agent_id: null,
    status: 'complete',
    error: null,
    metrics: null,
    comparing: false,
    created_at: '2026-01-01T00:00:00Z',
    ...fields,
  };
}

/** A conversation, with what a test cares about. */
export function conversation(fields: Partial<Conversation> & { id: string }): Conversation {
  return {
    title: fields.id,
    model: null,
    pinned: false,
    archived: false,
    temporary: false,
    active_leaf_id: null,
    running_turns: [],
    version: 1,
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
    deleted_at: null,
    ...fields,
  };
}

/** A model, with what a test cares about. */
export function model(fields: Partial<Model> & { id: string }): Model {
  return {
    name: fields.id,
    description: null,
    kind: 'model',
    real_model: null,
    capabilities: [],
    context_length: null,
    nodes: ['node'],
    available: true,
    ...fields,
  };
}

type Body<T> = T extends TurnEvent ? Omit<T, 'seq' | 'turn_id'> : never;

/** The events of a turn, numbered from 1. */
export function events(turnId: string, bodies: readonly Body<TurnEvent>[]): TurnEvent[] {
  return bodies.map((body, index) => ({ ...body, seq: index + 1, turn_id: turnId }) as TurnEvent);
}

/** A whole answer: thinking, a tool, text, figures, the end. */
export function wholeTurn(turnId: string): TurnEvent[] {
  return events(turnId, [
    {
      type: 'turn.started',
      conversation_id: 'c',
      user_message_id: 'u',
      assistant_message_id: 'a',
      requested_model: 'openmake_auto',
    },
    { type: 'model.selected', model: 'm', profile: 'p', node: 'n', reason: 'why' },
    { type: 'thinking.delta', text: 'hm ' },
    { type: 'thinking.delta', text: 'yes' },
    { type: 'tool.started', call_id: '1', name: 'calculator', arguments: '{"e":"1+1"}' },
    {
      type: 'tool.finished',
      call_id: '1',
      name: 'calculator',
      output: '2',
      is_error: false,
      duration_ms: 4,
    },
    { type: 'text.delta', text: '답은 ' },
    { type: 'text.delta', text: '2' },
    { type: 'text.delta', text: '입니다.' },
    {
      type: 'usage',
      input_tokens: 10,
      output_tokens: 5,
      estimated: false,
      first_token_ms: 100,
      tokens_per_second: 20,
    },
    { type: 'turn.completed', finish_reason: 'stop' },
  ]);
}
