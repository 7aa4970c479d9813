import { Listeners } from '@/platform/listeners';

const CHECK_MS = 60 * 60_000;

let waiting: ServiceWorker | null = null;
const changed = new Listeners();

function found(worker: ServiceWorker | null): void {
  // The first one of all replaces nothing.
  if (worker === null || navigator.serviceWorker.controller === null) return;
  waiting = worker;
  changed.emit();
}

function watch(registration: ServiceWorkerRegistration): void {
  found(registration.waiting);
  registration.addEventListener('updatefound', () => {
    const worker = registration.installing;
    worker?.addEventListener('statechange', () => {
      if (worker.state === 'installed') found(worker);
    });
  });
  const look = () => void registration.update().catch(() => undefined);
  setInterval(look, CHECK_MS);
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') look();
  });
}

let started = false;

/** Registers the service worker, once; without HTTPS there is none. */
export function startWorker(): void {
  if (started || process.env.NODE_ENV !== 'production' || !('serviceWorker' in navigator)) return;
  started = true;
  // It can wait for what the page itself needs.
  const register = () =>
    void navigator.serviceWorker
      .register('/sw.js')
      .then(watch)
      .catch(() => undefined);
  if (document.readyState === 'complete') register();
  else window.addEventListener('load', register, { once: true });
}

/** Whether a newer version stands ready. */
export const isWaiting = (): boolean => waiting !== null;

/** Tells when that changes. */
export const onWaiting = (listener: () => void): (() => void) => changed.add(listener);

/** Lets the newer version take over, and shows its pages. */
export function takeUpdate(): void {
  navigator.serviceWorker.addEventListener('controllerchange', () => window.location.reload(), {
    once: true,
  });
  waiting?.postMessage('activate');
}
