// What the stand-in server answers.
import { randomUUID } from 'node:crypto';
import {
  addConversation,
  addMessage,
  addNode,
  MODELS,
  now,
  startTurn,
  state,
} from './fake-state.mjs';

const signedIn = () => ({ access_token: 'token', expires_in: 900, user: state.user });
export const problem = (status, code, detail) => ({
  status,
  body: { type: 'about:blank', title: code, status, code, detail },
});
const ok = (body, status = 200) => ({ status, body });

/** @type {[string, RegExp, (parts: string[], body: any, query: URLSearchParams) => any][]} */
export const ROUTES = [
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
