'use client';

import { ImageOff } from 'lucide-react';
import { type ComponentProps, isValidElement, memo, type ReactNode } from 'react';
import rehypeSanitize, { defaultSchema } from 'rehype-sanitize';
import { type Components, Streamdown, useIsCodeFenceIncomplete } from 'streamdown';
import { useTranslations } from 'use-intl';
import { CodeBlock } from './code-block';
import { safeImage, safeLink } from './links';
import { splitPieces } from './split';

// What streamdown gives to each: anything, of which little is looked at.
interface Props {
  node?: unknown;
  children?: ReactNode;
  href?: unknown;
  src?: unknown;
  alt?: unknown;
}

function textOf(node: ReactNode): string {
  if (typeof node === 'string' || typeof node === 'number') return String(node);
  if (Array.isArray(node)) return node.map(textOf).join('');
  if (isValidElement<{ children?: ReactNode }>(node)) return textOf(node.props.children);
  return '';
}

function Pre({ children }: Props) {
  const incomplete = useIsCodeFenceIncomplete();
  const className = isValidElement<{ className?: string }>(children)
    ? (children.props.className ?? '')
    : '';
  const language = /language-(\S+)/.exec(className)?.[1] ?? '';
  return (
    <CodeBlock
      code={textOf(children).replace(/\n$/, '')}
      language={language}
      finished={!incomplete}
    />
  );
}

function Link({ href, children }: Props) {
  const target = safeLink(href);
  if (target === null) return <span>{children}</span>;
  return (
    <a href={target} title={target} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  );
}

function Image({ src, alt }: Props) {
  const t = useTranslations('markdown');
  const shown = safeImage(src);
  if (shown !== null)
    return (
      <img src={shown} alt={typeof alt === 'string' ? alt : ''} className="max-w-full rounded-sm" />
    );
  const target = safeLink(src);
  const label = typeof alt === 'string' && alt !== '' ? alt : t('image');
  return (
    <span className="inline-flex items-center gap-2 rounded-sm border border-line bg-glass px-2.5 py-1 text-soft text-sm">
      <ImageOff className="size-4 shrink-0" />
      {target === null ? label : <Link href={target}>{t('openImage', { label })}</Link>}
    </span>
  );
}

function Table({ children }: Props) {
  return (
    <div className="md-table" tabIndex={0}>
      <table>{children}</table>
    </div>
  );
}

// Constants of the module: a new object each time would render every block anew.
const COMPONENTS: Components = {
  a: Link,
  img: Image,
  pre: Pre,
  table: Table,
  code: 'code',
  h1: 'h1',
  h2: 'h2',
  h3: 'h3',
  h4: 'h4',
  h5: 'h5',
  h6: 'h6',
  p: 'p',
  ul: 'ul',
  ol: 'ol',
  li: 'li',
  blockquote: 'blockquote',
  hr: 'hr',
  strong: 'strong',
  thead: 'thead',
  tbody: 'tbody',
  tr: 'tr',
  th: 'th',
  td: 'td',
  sup: 'sup',
  sub: 'sub',
};

// No rehype-raw: HTML of a model is text. Data images are judged by `safeImage`.
const REHYPE: ComponentProps<typeof Streamdown>['rehypePlugins'] = [
  [
    rehypeSanitize,
    {
      ...defaultSchema,
      protocols: { ...defaultSchema.protocols, src: ['http', 'https', 'data'] },
    },
  ],
];

/** An answer as Markdown; `live` while it is being written. */
export const MarkdownRenderer = memo(function MarkdownRenderer({
  text,
  live,
}: {
  text: string;
  live: boolean;
}) {
  const pieces = splitPieces(text);
  return pieces.map((piece, index) =>
    piece.kind === 'plain' ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: pieces are only ever added at the end
      <div key={index} className="md-plain">
        {piece.text}
      </div>
    ) : (
      <Streamdown
        // biome-ignore lint/suspicious/noArrayIndexKey: pieces are only ever added at the end
        key={index}
        components={COMPONENTS}
        rehypePlugins={REHYPE}
        controls={false}
        mode={live ? 'streaming' : 'static'}
        parseIncompleteMarkdown={live}
      >
        {piece.text}
      </Streamdown>
    ),
  );
});
