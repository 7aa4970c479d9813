const CONTROLS = 'a, button, input, select, textarea';
const forced = (state: string) => `:is(.force-${state} :is(${CONTROLS}))`;

/** What a pointer or the keyboard would bring about, and the class instead. */
const FORCED = [
  [/(?<!\\):hover/g, forced('hover')],
  [/(?<!\\):active/g, forced('active')],
  [/(?<!\\):focus-visible/g, forced('focus')],
  [/(?<!\\):focus(?![\w-])/g, forced('focus')],
] as const;

/** A style sheet in which the states are classes, or `null` where it has none. */
export function forceStates(css: string): string | null {
  const changed = FORCED.reduce((text, [state, by]) => text.replace(state, by), css);
  return changed === css ? null : changed;
}

/**
 * Adds to the document a copy of its styles in which controls within
 * `.force-hover`, `.force-active` and `.force-focus` look as in the states. Gives back how to
 * take it away.
 */
export function adoptForcedStates(): () => void {
  const added: CSSStyleSheet[] = [];
  for (const { cssRules } of [...document.styleSheets]) {
    const changed = forceStates([...cssRules].map(({ cssText }) => cssText).join('\n'));
    if (changed === null) continue;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(changed);
    added.push(sheet);
  }
  document.adoptedStyleSheets.push(...added);
  return () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter(
      (sheet) => !added.includes(sheet),
    );
  };
}
