// What the stand-in server knows, and how its scripted turns run.
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { RICH, THINKING } from './fake-answers.mjs';

export const { values: flags } = parseArgs({
  options: {
    port: { type: 'string', default: '4173' },
    setup: { type: 'boolean', default: false },
    'no-model': { type: 'boolean', default: false },
  },
});

export const now = (days = 0) => new Date(Date.now() - days * 86_400_000).toISOString();
export const state = {
  needsSetup: flags.setup,
  signedIn: false,
  user: { id: randomUUID(), email: 'mina@example.com', display_name: 'Mina', role: 'admin' },
  /** @type {Map<string, any>} */ conversations: new Map(),
  /** @type {Map<string, any[]>} */ messages: new Map(),
  /** @type {Map<string, { events: any[], conversation: any, message: any, stop: boolean }>} */
  turns: new Map(),
  /** @type {Set<import('ws').WebSocket>} */ sockets: new Set(),
  nodes: /** @type {any[]} */ ([]),
  settings: {
    instance_name: 'OpenMake',
    registration: 'open',
    registration_is_default: true,
    guests_allowed: true,
    default_model: 'openmake_auto',
    warnings: [
      { code: 'insecure_cookies', detail: 'Put the server behind HTTPS, then sign in again.' },
    ],
  },
  invitations: /** @type {any[]} */ ([]),
};

const model = (id, name, kind, extra = {}) => ({
  id,
  name,
  kind,
  description: null,
  real_model: null,
  capabilities: ['tools'],
  context_length: 131_072,
  nodes: ['Ollama'],
  available: true,
  ...extra,
});
export const MODELS = [
  model('openmake_auto', 'OpenMake Auto', 'profile', {
    description: 'Picks the right way for each question',
  }),
  model('openmake_pro', 'OpenMake Pro', 'profile', {
    description: 'Careful work on hard questions',
    capabilities: ['tools', 'thinking'],
  }),
  model('openmake_fast', 'OpenMake Fast', 'profile', { description: 'Short answers at once' }),
  model('qwen3:8b', 'qwen3:8b', 'model', { capabilities: ['tools', 'thinking'] }),
  model('gemma3:12b', 'gemma3:12b', 'model', { capabilities: ['vision'] }),
  model('llama3.2:3b', 'llama3.2:3b', 'model', { available: false }),
];

export function addNode(body) {
  const node = {
    id: randomUUID(),
    name: body.name,
    kind: body.kind,
    base_url: body.base_url,
    source: 'stored',
    enabled: true,
    draining: false,
    health: 'healthy',
    last_error: null,
    checked_at: now(),
    server_version: '0.9.1',
    in_flight: 0,
    latency_ms: 12,
    models: ['qwen3:8b', 'gemma3:12b'],
    loaded_models: [],
    api_keys: [],
  };
  state.nodes.push(node);
  return node;
}

export function addConversation(title, days = 0, extra = {}) {
  const conversation = {
    id: randomUUID(),
    title,
    model: null,
    pinned: false,
    archived: false,
    temporary: false,
    active_leaf_id: null,
    running_turns: [],
    version: 1,
    created_at: now(days),
    updated_at: now(days),
    deleted_at: null,
    ...extra,
  };
  state.conversations.set(conversation.id, conversation);
  state.messages.set(conversation.id, []);
  return conversation;
}

export function addMessage(conversation, fields) {
  const message = {
    id: randomUUID(),
    parent_id: null,
    turn_id: null,
    content: '',
    thinking: null,
    attachments: [],
    tool_calls: [],
    model: null,
    agent_id: null,
    status: 'complete',
    error: null,
    metrics: null,
    created_at: now(),
    ...fields,
  };
  state.messages.get(conversation.id)?.push(message);
  return message;
}

if (!flags['no-model'] && !flags.setup) {
  addNode({ name: 'Ollama', kind: 'ollama', base_url: 'http://localhost:11434' });
}
if (!flags.setup) {
  addConversation('여행 계획: 제주도 3박 4일', 0, { pinned: true });
  for (const [title, days] of [
    ['PostgreSQL or SQLite for a small service', 0.01],
    ['Rust의 소유권을 쉽게 설명해 줘', 0.02],
    ['Weekly report, first draft', 1.1],
    ['회의록 요약', 3],
    ['正規表現のデバッグ', 4],
    ['Regex for Korean phone numbers', 12],
    ['Unit tests for the importer', 40],
  ]) {
    addConversation(title, /** @type {number} */ (days));
  }
}

function changed(conversation) {
  conversation.version += 1;
  const frame = JSON.stringify({
    type: 'conversation.changed',
    id: conversation.id,
    version: conversation.version,
  });
  for (const socket of state.sockets) socket.send(frame);
}

function emit(turnId, body) {
  const turn = state.turns.get(turnId);
  if (!turn) return;
  const event = { seq: turn.events.length + 1, turn_id: turnId, ...body };
  turn.events.push(event);
  for (const socket of state.sockets) socket.send(JSON.stringify(event));
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function run(turnId, text) {
  const turn = state.turns.get(turnId);
  if (!turn) return;
  const { conversation, message } = turn;
  const say = (body) => emit(turnId, body);
  say({
    type: 'turn.started',
    conversation_id: conversation.id,
    user_message_id: message.parent_id,
    assistant_message_id: message.id,
    requested_model: 'openmake_auto',
  });
  say({
    type: 'model.selected',
    model: 'qwen3:8b',
    profile: 'openmake_auto',
    node: 'Ollama',
    reason: 'It is free.',
  });
  await pause(300);
  for (const word of THINKING.split(/(?<= )/)) {
    say({ type: 'thinking.delta', text: word });
    message.thinking = (message.thinking ?? '') + word;
    await pause(25);
  }
  const call = { call_id: 'c1', name: 'current_time', arguments: '{"zone":"Asia/Seoul"}' };
  say({ type: 'tool.started', ...call });
  await pause(400);
  const output = '2026-11-23T13:05:00+09:00';
  say({
    type: 'tool.finished',
    call_id: 'c1',
    name: call.name,
    output,
    is_error: false,
    duration_ms: 3,
  });
  message.tool_calls = [{ ...call, output, is_error: false, duration_ms: 3 }];
  if (/fail/.test(text)) {
    message.status = 'failed';
    message.error = { code: 'upstream_failed', detail: 'HTTP 500', hint: 'Try another model.' };
    say({ type: 'turn.failed', ...message.error });
  } else {
    for (const word of RICH.split(/(?<= )/)) {
      if (turn.stop) break;
      say({ type: 'text.delta', text: word });
      message.content += word;
      await pause(12);
    }
    message.status = turn.stop ? 'cancelled' : 'complete';
    message.metrics = {
      input_tokens: 412,
      output_tokens: 286,
      estimated: false,
      first_token_ms: 380,
      response_time_ms: 6_120,
      tokens_per_second: 46.7,
    };
    message.model = 'qwen3:8b';
    say({ type: 'usage', ...message.metrics });
    say(turn.stop ? { type: 'turn.cancelled' } : { type: 'turn.completed', finish_reason: 'stop' });
  }
  conversation.running_turns = [];
  if (conversation.title === '') conversation.title = text.slice(0, 40);
  changed(conversation);
}

export function startTurn(conversation, question, text) {
  const turnId = randomUUID();
  const answer = addMessage(conversation, {
    role: 'assistant',
    parent_id: question.id,
    turn_id: turnId,
    status: 'running',
  });
  question.turn_id ??= turnId;
  conversation.active_leaf_id = answer.id;
  conversation.running_turns = [{ turn_id: turnId, assistant_message_id: answer.id }];
  conversation.updated_at = now();
  state.turns.set(turnId, { events: [], conversation, message: answer, stop: false });
  void run(turnId, text);
  changed(conversation);
  return { turn_id: turnId, user_message_id: question.id, assistant_message_id: answer.id };
}
