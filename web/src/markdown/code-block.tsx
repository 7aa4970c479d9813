'use client';

import { Check, Copy, Download, WrapText } from 'lucide-react';
import { memo, useEffect, useRef, useState } from 'react';
import { useTranslations } from 'use-intl';
import { copyText, saveFile } from '@/platform/files';
import { cx } from '@/ui/cx';
import { highlight, type Token } from './highlight';

const BUTTON =
  'inline-flex h-7 items-center gap-1.5 rounded-xs px-2 text-muted text-xs hover:bg-hover hover:text-text aria-pressed:text-accent-text [&>svg]:size-3.5';

const Line = memo(function Line({ tokens }: { tokens: Token[] }) {
  return tokens.map((token, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: the tokens of a line never move
    <span key={index} style={token.color ? { color: token.color } : undefined}>
      {token.content}
    </span>
  ));
});

function useTokens(code: string, language: string, finished: boolean): Token[][] | null {
  const [result, setResult] = useState<{ code: string; lines: Token[][] } | null>(null);
  useEffect(() => {
    if (!finished || language === '') return;
    let current = true;
    highlight(code, language)
      .then((lines) => {
        if (current && lines) setResult({ code, lines });
      })
      // Code without colours is still code.
      .catch(() => undefined);
    return () => {
      current = false;
    };
  }, [code, language, finished]);
  return result?.code === code ? result.lines : null;
}

/** Code with its language, to copy, wrap and download. */
export function CodeBlock({
  code,
  language,
  finished,
}: {
  code: string;
  language: string;
  finished: boolean;
}) {
  const t = useTranslations('code');
  const lines = useTokens(code, language, finished);
  const [wrap, setWrap] = useState(false);
  const [copied, setCopied] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);

  return (
    <div className="code-block overflow-hidden rounded-md border border-line bg-code">
      <div className="flex items-center gap-1 border-line border-b py-1 ps-4 pe-1.5">
        <span className="me-auto font-mono text-muted text-xs">{language || t('plain')}</span>
        <button
          type="button"
          aria-pressed={wrap}
          aria-label={t('wrap')}
          title={t('wrap')}
          onClick={() => setWrap(!wrap)}
          className={BUTTON}
        >
          <WrapText />
        </button>
        <button
          type="button"
          aria-label={t('download')}
          title={t('download')}
          onClick={() =>
            saveFile(new Blob([code]), `code.${/^\w{1,12}$/.test(language) ? language : 'txt'}`)
          }
          className={BUTTON}
        >
          <Download />
        </button>
        <button
          type="button"
          onClick={() => {
            void copyText(code).then((done) => {
              setCopied(done);
              clearTimeout(timer.current);
              timer.current = setTimeout(() => setCopied(false), 2_000);
            });
          }}
          className={BUTTON}
        >
          {copied ? <Check className="text-success" /> : <Copy />}
          {copied ? t('copied') : t('copy')}
        </button>
      </div>
      <pre
        tabIndex={0}
        className={cx('md-code overflow-x-auto px-4 py-3', wrap && 'whitespace-pre-wrap')}
      >
        <code>
          {lines
            ? lines.map((tokens, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: the lines of a text never move
                <span key={index}>
                  <Line tokens={tokens} />
                  {index < lines.length - 1 && '\n'}
                </span>
              ))
            : code}
        </code>
      </pre>
    </div>
  );
}
