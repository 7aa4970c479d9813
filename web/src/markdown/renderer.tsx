'use client';

import { ImageOff } from 'lucide-react';
import {
  type ComponentProps,
  isValidElement,
  lazy,
  memo,
  type ReactNode,
  Suspense,
  useState,
} from 'react';
import rehypeSanitize, { defaultSchema } from 'rehype-sanitize';
import {
  type Components,
  defaultRemarkPlugins,
  Streamdown,
  useIsCodeFenceIncomplete,
} from 'streamdown';
import { useTranslations } from 'use-intl';
import { CodeBlock } from './code-block';
import { Diagram } from './diagram';
import { ForeignPicture } from './foreign-picture';
import { FormulaMarker, formulaOf, unmarkFormulas } from './formulas';
import { safeImage, safeLink } from './links';
import { AnswerPicture } from './picture';
import { splitPieces } from './split';
import { TableBlock } from './table';

// A quarter of a megabyte that most answers do not need.
const Formula = lazy(() => import('./formula').then(({ Formula }) => ({ default: Formula })));

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
  const code = textOf(children).replace(/\n$/, '');
  if (language === 'mermaid' && !incomplete) return <Diagram source={code} />;
  return <CodeBlock code={code} language={language} finished={!incomplete} />;
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
  const name = typeof alt === 'string' ? alt : '';
  const shown = safeImage(src);
  if (shown !== null) return <AnswerPicture src={shown} name={name} />;
  const target = safeLink(src);
  if (target?.startsWith('http')) return <ForeignPicture address={target} name={name} />;
  return (
    <span className="inline-flex items-center gap-2 rounded-sm border border-line bg-glass px-2.5 py-1 text-soft text-sm">
      <ImageOff className="size-4 shrink-0" />
      {name || t('image')}
    </span>
  );
}

function Table({ children }: Props) {
  return <TableBlock>{children}</TableBlock>;
}

/** A code span, or a formula that came as one. */
function Code({ children }: Props) {
  const text = textOf(children);
  const formula = formulaOf(text);
  if (formula === null) return <code>{children}</code>;
  if (formula.pending) return <code className="md-pending">{formula.tex}</code>;
  return (
    <Suspense fallback={<code>{formula.tex}</code>}>
      <Formula tex={formula.tex} display={formula.display} />
    </Suspense>
  );
}

// Constants of the module: a new object each time would render every block anew.
const COMPONENTS: Components = {
  a: Link,
  img: Image,
  pre: Pre,
  table: Table,
  code: Code,
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
const REHYPE: NonNullable<ComponentProps<typeof Streamdown>['rehypePlugins']> = [
  [
    rehypeSanitize,
    {
      ...defaultSchema,
      protocols: { ...defaultSchema.protocols, src: ['http', 'https', 'data'] },
    },
  ],
];

interface MarkdownNode {
  type: string;
  children?: MarkdownNode[];
  value?: string;
  url?: string;
  title?: string | null;
  alt?: string | null;
}

/** Takes the marks of formulas out of what turned out to be no prose. */
function unmark(node: MarkdownNode): void {
  if (node.value !== undefined && node.type !== 'inlineCode') {
    node.value = unmarkFormulas(node.value);
  }
  if (node.url) node.url = unmarkFormulas(node.url);
  if (node.title) node.title = unmarkFormulas(node.title);
  if (node.alt) node.alt = unmarkFormulas(node.alt);
  for (const child of node.children ?? []) unmark(child);
}

const REMARK: NonNullable<ComponentProps<typeof Streamdown>['remarkPlugins']> = [
  ...Object.values(defaultRemarkPlugins),
  () => unmark,
];

function Prose({ text, live, growing }: { text: string; live: boolean; growing: boolean }) {
  const [formulas] = useState(() => new FormulaMarker());
  return (
    <Streamdown
      components={COMPONENTS}
      remarkPlugins={REMARK}
      rehypePlugins={REHYPE}
      controls={false}
      mode={live ? 'streaming' : 'static'}
      parseIncompleteMarkdown={live}
    >
      {formulas.mark(text, growing)}
    </Streamdown>
  );
}

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
      <Prose
        // biome-ignore lint/suspicious/noArrayIndexKey: pieces are only ever added at the end
        key={index}
        text={piece.text}
        live={live}
        growing={live && index === pieces.length - 1}
      />
    ),
  );
});
