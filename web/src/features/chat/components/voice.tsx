'use client';

import { Mic, MicOff } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { useLocale, useTranslations } from 'use-intl';
import { IconButton } from '@/ui/button';
import { toastError } from '@/ui/toast';

/** What we use of the browser's speech recognition, which TypeScript does not know. */
interface Recognition {
  lang: string;
  continuous: boolean;
  interimResults: boolean;
  onresult: ((event: { results: ArrayLike<ArrayLike<{ transcript: string }>> }) => void) | null;
  onerror: ((event: { error: string }) => void) | null;
  onend: (() => void) | null;
  start: () => void;
  abort: () => void;
  stop: () => void;
}

type Recognizer = new () => Recognition;

function recognizer(): Recognizer | null {
  const known = window as unknown as Partial<
    Record<'SpeechRecognition' | 'webkitSpeechRecognition', Recognizer>
  >;
  return known.SpeechRecognition ?? known.webkitSpeechRecognition ?? null;
}

/**
 * Writes what is said, in the language of the pages, where the browser can. The
 * browser's maker may do it on its own servers: it asks the person first.
 */
export function VoiceButton({ text, onText }: { text: string; onText: (text: string) => void }) {
  const t = useTranslations('voice');
  const locale = useLocale();
  const [Recognizer, setRecognizer] = useState<Recognizer | null>(null);
  const [listening, setListening] = useState(false);
  const running = useRef<Recognition | null>(null);
  // Prerendered pages know no browser yet.
  useEffect(() => setRecognizer(() => recognizer()), []);
  useEffect(() => () => running.current?.abort(), []);
  if (!Recognizer) return null;

  function start(Made: Recognizer) {
    const recognition = new Made();
    const before = text === '' || /\s$/.test(text) ? text : `${text} `;
    recognition.lang = locale;
    recognition.continuous = true;
    recognition.interimResults = true;
    recognition.onresult = ({ results }) => {
      const said = Array.from(results, (result) => result[0]?.transcript ?? '').join('');
      onText(before + said.trimStart());
    };
    recognition.onerror = ({ error }) => {
      if (error === 'aborted' || error === 'no-speech') return;
      toastError(t(error === 'not-allowed' ? 'notAllowed' : 'failed'));
    };
    recognition.onend = () => {
      running.current = null;
      setListening(false);
    };
    running.current = recognition;
    setListening(true);
    recognition.start();
  }

  return (
    <IconButton
      label={listening ? t('stop') : t('start')}
      round
      aria-pressed={listening}
      onClick={() => (listening ? running.current?.stop() : start(Recognizer))}
    >
      {listening ? <MicOff className="size-5 text-danger" /> : <Mic className="size-5" />}
    </IconButton>
  );
}
