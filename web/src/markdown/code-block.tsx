'use client';

import { Copy, Download, WrapText } from 'lucide-react';
import { memo, useEffect, useState } from 'react';
import { useTranslations } from 'use-intl';
import { saveFile } from '@/platform/files';
import { cx } from '@/ui/cx';
import { Bar, BarButton } from './bar';
import { useCopied } from './copied';
import { extensionOf } from './extensions';
import { highlight, type Token } from './highlight';

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
  const [copied, copy] = useCopied<'code'>();

  return (
    <div className="code-block overflow-hidden rounded-md border border-line bg-code">
      <Bar label={language || t('plain')}>
        <BarButton
          label={t('wrap')}
          icon={<WrapText />}
          pressed={wrap}
          onClick={() => setWrap(!wrap)}
        />
        <BarButton
          label={t('download')}
          icon={<Download />}
          onClick={() => saveFile(new Blob([code]), `code.${extensionOf(language)}`)}
        />
        <BarButton
          label={copied ? t('copied') : t('copy')}
          text={copied ? t('copied') : t('copy')}
          icon={<Copy />}
          done={copied !== null}
          onClick={() => copy('code', code)}
        />
      </Bar>
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
