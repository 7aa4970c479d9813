// A small stand-in for the server, to look at the page without it: in memory,
// scripted, for one person. Not part of any test of the real thing.
//
//   node testing/fake-server.mjs [--port 4173] [--setup] [--no-model]
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { parseArgs } from 'node:util';
import { WebSocketServer } from 'ws';
import { OUT } from '../scripts/export.mjs';
import { RICH, THINKING } from './fake-answers.mjs';

const { values: flags } = parseArgs({
  options: {
    port: { type: 'string', default: '4173' },
    setup: { type: 'boolean', default: false },
    'no-model': { type: 'boolean', default: false },
  },
});

const now = (days = 0) => new Date(Date.now() - days * 86_400_000).toISOString();
const state = {
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
const MODELS = [
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

function addNode(body) {
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

function addConversation(title, days = 0, extra = {}) {
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

function addMessage(conversation, fields) {
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

function startTurn(conversation, question, text) {
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

const signedIn = () => ({ access_token: 'token', expires_in: 900, user: state.user });
const problem = (status, code, detail) => ({
  status,
  body: { type: 'about:blank', title: code, status, code, detail },
});
const ok = (body, status = 200) => ({ status, body });

/** @type {[string, RegExp, (parts: string[], body: any, query: URLSearchParams) => any][]} */
const ROUTES = [
  [
    'GET',
    /^instance$/,
    () =>
      ok({
        name: state.settings.instance_name,
        version: '2.0.0',
        needs_setup: state.needsSetup,
        registration: state.settings.registration,
        guests_allowed: state.settings.guests_allowed,
        password_min_length: 10,
        demo: false,
      }),
  ],
  [
    'POST',
    /^auth\/(login|register|guest)$/,
    ([kind], body) => {
      if (kind === 'login' && body.password !== 'correct horse') {
        return problem(401, 'wrong_credentials', 'E-mail or password is wrong.');
      }
      state.signedIn = true;
      state.needsSetup = false;
      return ok(signedIn());
    },
  ],
  [
    'POST',
    /^auth\/refresh$/,
    () => (state.signedIn ? ok(signedIn()) : problem(401, 'unauthenticated', 'Sign in first.')),
  ],
  [
    'POST',
    /^auth\/logout$/,
    () => {
      state.signedIn = false;
      return ok(undefined, 204);
    },
  ],
  ['PATCH', /^auth\/me$/, (_, body) => ok(Object.assign(state.user, body))],
  ['PUT', /^auth\/password$/, () => ok(undefined, 204)],
  [
    'GET',
    /^auth\/sessions$/,
    () =>
      ok({
        items: ['Chrome/156 Windows', 'Safari/605 iPhone'].map((user_agent, index) => ({
          id: randomUUID(),
          current: index === 0,
          user_agent,
          ip_address: '127.0.0.1',
          created_at: now(3),
          last_seen_at: now(index),
        })),
      }),
  ],
  ['DELETE', /^auth\/sessions/, () => ok(undefined, 204)],
  [
    'GET',
    /^models$/,
    () =>
      ok({
        items: MODELS.map((item) => ({
          ...item,
          available: item.available && state.nodes.length > 0,
        })),
        default_model: 'openmake_auto',
        hint: state.nodes.length > 0 ? null : 'No model server is connected.',
      }),
  ],
  ['GET', /^nodes$/, () => ok({ items: state.nodes })],
  [
    'POST',
    /^nodes\/discover$/,
    () =>
      ok({
        items: [
          {
            name: 'Ollama',
            kind: 'ollama',
            base_url: 'http://localhost:11434',
            models: ['qwen3:8b', 'gemma3:12b'],
            known: state.nodes.length > 0,
          },
        ],
      }),
  ],
  [
    'POST',
    /^nodes\/(?:[\w-]+\/)?test$/,
    () =>
      ok({ ok: true, latency_ms: 12, server_version: '0.9.1', models: ['qwen3:8b'], error: null }),
  ],
  ['POST', /^nodes$/, (_, body) => ok(addNode(body), 201)],
  [
    'PATCH',
    /^nodes\/([\w-]+)$/,
    ([id], body) =>
      ok(
        Object.assign(
          state.nodes.find((node) => node.id === id),
          body,
        ),
      ),
  ],
  [
    'DELETE',
    /^nodes\/([\w-]+)$/,
    ([id]) => {
      state.nodes = state.nodes.filter((node) => node.id !== id);
      return ok(undefined, 204);
    },
  ],
  ['GET', /^settings$/, () => ok(state.settings)],
  ['PATCH', /^settings$/, (_, body) => ok(Object.assign(state.settings, body))],
  ['GET', /^invitations$/, () => ok({ items: state.invitations })],
  [
    'POST',
    /^invitations$/,
    (_, body) => {
      const invitation = {
        id: randomUUID(),
        email: body.email ?? null,
        role: body.role ?? 'user',
        status: 'open',
        created_at: now(),
        expires_at: now(-7),
      };
      state.invitations.unshift(invitation);
      return ok({ code: 'abc', path: '/register?invitation=abc', invitation }, 201);
    },
  ],
  [
    'GET',
    /^conversations$/,
    (_, __, query) => {
      const archived = query.get('filter') === 'archived';
      const items = [...state.conversations.values()]
        .filter((item) => item.archived === archived && item.deleted_at === null)
        .sort(
          (a, b) => Number(b.pinned) - Number(a.pinned) || (a.updated_at < b.updated_at ? 1 : -1),
        );
      return ok({ items, next_cursor: null });
    },
  ],
  ['POST', /^conversations$/, () => ok(addConversation(''), 201)],
  [
    'GET',
    /^search$/,
    (_, __, query) => {
      const words = (query.get('q') ?? '').toLowerCase();
      const items = [...state.conversations.values()]
        .filter(({ title }) => title.toLowerCase().includes(words))
        .map((conversation) => ({ conversation, excerpts: [] }));
      return ok({ items });
    },
  ],
  [
    'GET',
    /^conversations\/([\w-]+)$/,
    ([id = '']) =>
      state.conversations.has(id)
        ? ok(state.conversations.get(id))
        : problem(404, 'not_found', 'There is no such conversation.'),
  ],
  [
    'PATCH',
    /^conversations\/([\w-]+)$/,
    ([id = ''], body) => ok(Object.assign(state.conversations.get(id), body)),
  ],
  [
    'DELETE',
    /^conversations\/([\w-]+)$/,
    ([id = '']) => {
      state.conversations.get(id).deleted_at = now();
      return ok(undefined, 204);
    },
  ],
  [
    'POST',
    /^conversations\/([\w-]+)\/restore$/,
    ([id = '']) => ok(Object.assign(state.conversations.get(id), { deleted_at: null })),
  ],
  [
    'GET',
    /^conversations\/([\w-]+)\/messages$/,
    ([id = '']) => ok({ items: state.messages.get(id) ?? [], next_cursor: null }),
  ],
  [
    'POST',
    /^conversations\/([\w-]+)\/turns$/,
    ([id = ''], body) => {
      const conversation = state.conversations.get(id);
      const text = typeof body.content === 'string' ? body.content : (body.content[0]?.text ?? '');
      const question = addMessage(conversation, {
        role: 'user',
        content: text,
        parent_id: 'parent_id' in body ? body.parent_id : conversation.active_leaf_id,
      });
      return ok(startTurn(conversation, question, text), 202);
    },
  ],
  [
    'POST',
    /^turns\/([\w-]+)\/(regenerate|continue)$/,
    ([id = '']) => {
      const turn = state.turns.get(id);
      const question = state.messages
        .get(turn?.conversation.id)
        ?.find((message) => message.id === turn?.message.parent_id);
      return ok(startTurn(turn?.conversation, question, question.content), 202);
    },
  ],
  [
    'POST',
    /^turns\/([\w-]+)\/cancel$/,
    ([id = '']) => {
      const turn = state.turns.get(id);
      if (turn) turn.stop = true;
      return ok(undefined, 204);
    },
  ],
];

const TYPES = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.html': 'text/html; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
};

async function file(path, response) {
  const name = normalize(path).slice(1) || 'index';
  const page = existsSync(join(OUT, `${name}.html`)) && `${name}.html`;
  const found = page || (extname(name) && existsSync(join(OUT, name)) && name) || '404.html';
  const manifest = JSON.parse(await readFile(join(OUT, 'csp-manifest.json'), 'utf8'));
  const scripts = ["'self'", ...(manifest[found] ?? []).map((hash) => `'${hash}'`)].join(' ');
  response.writeHead(found === '404.html' ? 404 : 200, {
    'content-type': TYPES[extname(found)] ?? 'application/octet-stream',
    'content-security-policy': `default-src 'self'; script-src ${scripts}; style-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'self'; frame-ancestors 'none'`,
  });
  response.end(await readFile(join(OUT, found)));
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url ?? '/', 'http://localhost');
  if (!url.pathname.startsWith('/api/v1/')) return file(url.pathname, response);
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : {};
  const path = url.pathname.slice('/api/v1/'.length);
  for (const [method, pattern, handle] of ROUTES) {
    const match = method === request.method && pattern.exec(path);
    if (!match) continue;
    const answer = handle(match.slice(1), body, url.searchParams);
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    return response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
  }
  response.writeHead(404, { 'content-type': 'application/json' });
  response.end(JSON.stringify(problem(404, 'not_found', path).body));
});

new WebSocketServer({ server, path: '/api/v1/ws' }).on('connection', (socket) => {
  socket.on('close', () => state.sockets.delete(socket));
  socket.on('message', (data) => {
    const frame = JSON.parse(String(data));
    if (frame.type === 'auth') {
      state.sockets.add(socket);
      socket.send(JSON.stringify({ type: 'ready', ping_interval: 20 }));
    } else if (frame.type === 'ping') socket.send(JSON.stringify({ type: 'pong' }));
    else if (frame.type === 'subscribe') {
      for (const event of state.turns.get(frame.turn_id)?.events ?? []) {
        if (event.seq > frame.after) socket.send(JSON.stringify(event));
      }
    }
  });
});

server.listen(Number(flags.port), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${flags.port}  (password: correct horse)`);
});
