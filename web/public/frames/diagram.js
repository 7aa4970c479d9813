// Draws diagrams for the page around this frame. The frame has an origin of its
// own and a policy that lets it reach nothing: whatever a diagram's text does to
// the library, it does it here.
(() => {
  let theme = null;
  let number = 0;
  // One at a time: the library keeps state between them.
  let before = Promise.resolve();

  function prepare(wanted) {
    if (theme === wanted) return;
    theme = wanted;
    mermaid.initialize({
      startOnLoad: false,
      securityLevel: 'strict',
      suppressErrorRendering: true,
      theme: wanted === 'dark' ? 'dark' : 'default',
      // A picture has no fonts but the device's.
      fontFamily: 'system-ui, sans-serif',
      // Labels as HTML do not show in a picture everywhere.
      htmlLabels: false,
      flowchart: { htmlLabels: false },
      maxTextSize: 20000,
    });
  }

  /** The drawing with its size written down, which a picture needs. */
  function sized(svg) {
    const root = new DOMParser().parseFromString(svg, 'text/html').querySelector('svg');
    const box = (root?.getAttribute('viewBox') ?? '').split(/[\s,]+/).map(Number);
    if (!root || box.length !== 4 || !box.every(Number.isFinite)) throw new Error('no drawing');
    root.setAttribute('width', String(Math.ceil(box[2])));
    root.setAttribute('height', String(Math.ceil(box[3])));
    root.removeAttribute('style');
    return new XMLSerializer().serializeToString(root);
  }

  async function draw({ id, source, dark }) {
    try {
      prepare(dark ? 'dark' : 'light');
      number += 1;
      const { svg } = await mermaid.render(`diagram${number}`, source);
      parent.postMessage({ id, svg: sized(svg) }, '*');
    } catch (error) {
      parent.postMessage({ id, error: String(error?.message ?? error) }, '*');
    }
  }

  addEventListener('message', ({ source, data }) => {
    if (source !== parent) return;
    before = before.then(() => draw(data));
  });
  // Only the page around it can be the parent: the policy lets no other embed it.
  parent.postMessage({ ready: true }, '*');
})();
