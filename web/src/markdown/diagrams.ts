/*
 * Diagrams are drawn in a hidden frame of another origin, whose policy allows
 * the style elements that Mermaid needs and ours forbids. What comes back is
 * shown as a picture, in which nothing runs.
 */

const FRAME = '/frames/diagram';
const PATIENCE_MS = 20_000;
/** Longer ones are shown as text: drawing them would take the page's time. */
const LONGEST = 20_000;
const KEPT = 200;

interface Waiting {
  resolve: (url: string) => void;
  reject: (error: Error) => void;
}

let frame: { element: HTMLIFrameElement; ready: Promise<void> } | null = null;
let nextId = 1;
const waiting = new Map<number, Waiting>();
const drawn = new Map<string, Promise<string>>();

/** Begins with a new frame: the old one did not answer. */
function giveUp(): void {
  frame?.element.remove();
  frame = null;
}

function within<T>(promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      giveUp();
      reject(new Error('The drawing took too long.'));
    }, PATIENCE_MS);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function open(): { element: HTMLIFrameElement; ready: Promise<void> } {
  if (frame) return frame;
  const element = document.createElement('iframe');
  element.setAttribute('sandbox', 'allow-scripts');
  element.setAttribute('aria-hidden', 'true');
  element.title = 'diagrams';
  element.tabIndex = -1;
  element.className = 'md-diagram-frame';
  const ready = new Promise<void>((resolve) => {
    addEventListener('message', function listen({ source, data }: MessageEvent) {
      if (!element.isConnected) return removeEventListener('message', listen);
      if (source !== element.contentWindow || typeof data !== 'object' || data === null) return;
      if (data.ready === true) return resolve();
      const asked = waiting.get(data.id);
      waiting.delete(data.id);
      if (typeof data.svg === 'string') {
        asked?.resolve(URL.createObjectURL(new Blob([data.svg], { type: 'image/svg+xml' })));
      } else {
        asked?.reject(new Error(String(data.error)));
      }
    });
  });
  element.src = FRAME;
  document.body.append(element);
  frame = { element, ready };
  return frame;
}

async function ask(source: string, dark: boolean): Promise<string> {
  const { element, ready } = open();
  await ready;
  const id = nextId++;
  try {
    return await new Promise<string>((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      // Its origin is opaque, which only a star names.
      element.contentWindow?.postMessage({ id, source, dark }, '*');
    });
  } finally {
    waiting.delete(id);
  }
}

/** Draws a diagram; gives the address of a picture. */
export function drawDiagram(source: string, dark: boolean): Promise<string> {
  if (source.length > LONGEST) return Promise.reject(new Error('The diagram is too long.'));
  const key = `${dark ? 'dark' : 'light'} ${source}`;
  const known = drawn.get(key);
  if (known) return known;
  const drawing = within(ask(source, dark));
  drawn.set(key, drawing);
  // A failure must not be the answer for ever.
  drawing.catch(() => drawn.delete(key));
  for (const [old, picture] of drawn) {
    if (drawn.size <= KEPT) break;
    drawn.delete(old);
    picture.then(URL.revokeObjectURL, () => undefined);
  }
  return drawing;
}
