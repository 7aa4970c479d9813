'use client';

import { useEffect, useRef } from 'react';

const SURFACES = ['bg', 'sidebar', 'card', 'raised', 'bubble', 'code', 'hover', 'active', 'glass'];
const TEXTS = ['text', 'text-soft', 'text-muted', 'accent-text', 'success', 'warning', 'danger'];
const FILLS = [
  'accent',
  'accent-soft',
  'button-from',
  'button-to',
  'success-soft',
  'warning-soft',
  'danger-soft',
  'danger-fill',
  'line',
  'line-strong',
  'line-control',
];
const SIZES = ['text-xs', 'text-sm', 'text-base', 'text-lg', 'text-xl', 'text-2xl', 'text-3xl'];
const RADII = ['rounded-xs', 'rounded-sm', 'rounded-md', 'rounded-lg', 'rounded-xl'];
const SHADOWS = ['shadow-card', 'shadow-float', 'shadow-glow'];

function Swatch({ token, as }: { token: string; as: 'backgroundColor' | 'color' }) {
  const box = useRef<HTMLSpanElement>(null);
  // From script: the policy forbids style attributes, in development as well.
  useEffect(() => {
    box.current?.style.setProperty(
      as === 'color' ? 'color' : 'background-color',
      `var(--${token})`,
    );
  }, [token, as]);
  return (
    <li className="flex items-center gap-3 text-sm">
      <span
        ref={box}
        className="grid h-9 w-14 shrink-0 place-items-center rounded-xs border border-line font-semibold"
      >
        {as === 'color' && 'Aa 가'}
      </span>
      <code className="text-muted text-xs">--{token}</code>
    </li>
  );
}

function Swatches({ tokens, as }: { tokens: string[]; as: 'backgroundColor' | 'color' }) {
  return (
    <ul className="grid grid-cols-2 gap-3 sm:grid-cols-3 lg:grid-cols-4">
      {tokens.map((token) => (
        <Swatch key={token} token={token} as={as} />
      ))}
    </ul>
  );
}

/** Colours, sizes, corners and shadows, as app/tokens.css has them. */
export function Tokens() {
  return (
    <>
      <Swatches tokens={SURFACES} as="backgroundColor" />
      <Swatches tokens={TEXTS} as="color" />
      <Swatches tokens={FILLS} as="backgroundColor" />
      <ul className="flex flex-col gap-2">
        {SIZES.map((size) => (
          <li key={size} className={size}>
            The quick brown fox. 다람쥐 헌 쳇바퀴. 素早い狐。{' '}
            <code className="text-xs">{size}</code>
          </li>
        ))}
      </ul>
      <ul className="flex flex-wrap gap-4">
        {[...RADII, ...SHADOWS].map((name) => (
          <li
            key={name}
            className={`grid h-20 w-28 place-items-center border border-line-strong bg-card text-xs ${name}`}
          >
            {name}
          </li>
        ))}
      </ul>
    </>
  );
}
