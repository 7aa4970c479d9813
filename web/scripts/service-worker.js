// The service worker, as scripts/build-sw.mjs completes it. It keeps one page
// for when the server is away, and nothing else: no answer of the API and no
// page with anything of a person's is ever in a cache.
const VERSION = '%VERSION%';
/** What the offline page is made of. */
const SHELL = ['%SHELL%'];

const PREFIX = 'openmake-shell-';
const CACHE = PREFIX + VERSION;
const OFFLINE = '/offline';
/** Answers that are no pages, even where a browser goes to them. */
const NOT_PAGES = /^\/(?:api|api-docs|v1|ollama|metrics|health|ready)(?:\/|$)/;

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(SHELL)));
});

// A new one waits until its person agrees: the pages that are open were made
// for the one before.
self.addEventListener('message', (event) => {
  if (event.data === 'activate') void self.skipWaiting();
});

async function takeOver() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

self.addEventListener('activate', (event) => event.waitUntil(takeOver()));

async function kept(path) {
  const cache = await caches.open(CACHE);
  return cache.match(path);
}

async function fromServer(request, path) {
  try {
    return await fetch(request);
  } catch (error) {
    const answer = await kept(path);
    if (answer) return answer;
    throw error;
  }
}

// Names with a hash never change what they mean.
async function fromCache(request, path) {
  return (await kept(path)) ?? fetch(request);
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== 'GET' || origin !== self.location.origin) return;
  if (request.mode === 'navigate') {
    if (!NOT_PAGES.test(pathname)) event.respondWith(fromServer(request, OFFLINE));
  } else if (SHELL.includes(pathname)) {
    const get = pathname.startsWith('/_next/static/') ? fromCache : fromServer;
    event.respondWith(get(request, pathname));
  }
});
