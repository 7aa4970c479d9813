import { useEffect, useRef, useState } from 'react';
import { copyText } from '@/platform/files';

const SHOWN_MS = 2_000;

/** Copies texts, and says for a moment which one was copied. */
export function useCopied<T extends string>(): [T | null, (what: T, text: string) => void] {
  const [copied, setCopied] = useState<T | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = (what: T, text: string) => {
    void copyText(text).then((done) => {
      setCopied(done ? what : null);
      clearTimeout(timer.current);
      timer.current = setTimeout(() => setCopied(null), SHOWN_MS);
    });
  };
  return [copied, copy];
}
