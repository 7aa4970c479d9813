'use client';

import { Code, Download, Workflow } from 'lucide-react';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { useTranslations } from 'use-intl';
import { Bar, BarButton } from './bar';
import { CodeBlock } from './code-block';
import { drawDiagram } from './diagrams';
import { PictureButton } from './picture';

function onTheme(listener: () => void): () => void {
  const observer = new MutationObserver(listener);
  observer.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  return () => observer.disconnect();
}

const isDark = () => document.documentElement.dataset.theme !== 'light';

/** The picture of a diagram in the theme of the page; `null` until it is drawn. */
function useDrawing(source: string): { url: string | null; failed: boolean } {
  const dark = useSyncExternalStore(onTheme, isDark, () => true);
  const [url, setUrl] = useState<string | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let current = true;
    drawDiagram(source, dark).then(
      (drawn) => {
        if (!current) return;
        setUrl(drawn);
        setFailed(false);
      },
      () => {
        if (!current) return;
        setUrl(null);
        setFailed(true);
      },
    );
    return () => {
      current = false;
    };
  }, [source, dark]);
  return { url, failed };
}

/** A diagram as a picture, with its source at hand; as code where it cannot be drawn. */
export function Diagram({ source }: { source: string }) {
  const t = useTranslations('answer.diagram');
  const { url, failed } = useDrawing(source);
  const [asCode, setAsCode] = useState(false);
  if (url === null) {
    return (
      <div className="diagram">
        <CodeBlock code={source} language="mermaid" finished />
        <p role="status" className="mt-1 text-muted text-xs">
          {failed ? t('failed') : t('drawing')}
        </p>
      </div>
    );
  }
  const label = t('label');
  return (
    <div className="diagram overflow-hidden rounded-md border border-line">
      <Bar label={label}>
        <BarButton
          label={asCode ? t('picture') : t('source')}
          icon={asCode ? <Workflow /> : <Code />}
          onClick={() => setAsCode(!asCode)}
        />
        <BarButton
          label={t('download')}
          icon={<Download />}
          onClick={() => {
            const link = document.createElement('a');
            link.href = url;
            link.download = 'diagram.svg';
            link.click();
          }}
        />
      </Bar>
      {asCode ? (
        <CodeBlock code={source} language="mermaid" finished />
      ) : (
        <div className="flex justify-center bg-code p-4">
          <PictureButton
            src={url}
            name={label}
            className="max-h-[32rem] max-w-full object-contain"
            group={() => ({ pictures: [{ src: url, name: label }], index: 0 })}
          />
        </div>
      )}
    </div>
  );
}
