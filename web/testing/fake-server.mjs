// A small stand-in for the server, to look at the page without it: in memory,
// scripted, for one person. Not part of any test of the real thing.
//
//   node testing/fake-server.mjs [--port 4173] [--setup] [--no-model]
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { WebSocketServer } from 'ws';
import { OUT } from '../scripts/export.mjs';
import { problem, ROUTES } from './fake-routes.mjs';
import { flags, state } from './fake-state.mjs';

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
