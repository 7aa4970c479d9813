import { describe, expect, it } from 'vitest';
import { forceStates } from './states';

describe('forced states', () => {
  it('takes the state for a class, and leaves names as they are', () => {
    expect(forceStates('.hover\\:bg:hover { color: red }')).toMatch(
      /^\.hover\\:bg:is\(\.force-hover :is\(a, .*\)\) \{ color: red \}$/,
    );
    expect(forceStates('.a { &:focus-visible { color: red } }')).toMatch(
      /^\.a \{ &:is\(\.force-focus :is\(a, .*\)\) \{ color: red \} \}$/,
    );
  });

  it('keeps what asks for more than the focus itself', () => {
    expect(forceStates('a:focus-within { color: red }')).toBeNull();
    expect(forceStates('@media (hover: hover) { a { color: red } }')).toBeNull();
  });
});
