import { createEvent, fireEvent, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useState } from 'react';
import { describe, expect, it, vi } from 'vitest';
import { Texts } from '@/testing/texts';
import type { Picture } from '../outbox';
import { Composer } from './composer';

interface Calls {
  running: boolean;
  onSend: (text: string, pictures: number) => void;
  onStop: () => void;
}

function Harness({ running, onSend, onStop }: Calls) {
  const [text, setText] = useState('');
  const [pictures, setPictures] = useState<Picture[]>([]);
  return (
    <Texts>
      <Composer
        text={text}
        pictures={pictures}
        running={running}
        disabled={false}
        focusKey="k"
        onText={setText}
        onPictures={setPictures}
        onSend={() => onSend(text, pictures.length)}
        onStop={onStop}
      />
    </Texts>
  );
}

function setup(options: { running?: boolean } = {}) {
  const onSend = vi.fn();
  const onStop = vi.fn();
  render(<Harness running={options.running ?? false} onSend={onSend} onStop={onStop} />);
  return { onSend, onStop, field: screen.getByRole('textbox') };
}

describe('the composer', () => {
  it('sends on Enter, and breaks the line on Shift+Enter', async () => {
    const user = userEvent.setup();
    const { onSend, field } = setup();
    await user.type(field, 'one{Shift>}{Enter}{/Shift}two{Enter}');
    expect(onSend).toHaveBeenCalledExactlyOnceWith('one\ntwo', 0);
  });

  it('does not send the Enter that ends a Korean syllable', async () => {
    const user = userEvent.setup();
    const { onSend, field } = setup();
    await user.type(field, '안녕');
    fireEvent.keyDown(field, { key: 'Enter', isComposing: true });
    fireEvent.keyDown(field, { key: 'Enter', keyCode: 229 });
    expect(onSend).not.toHaveBeenCalled();
    fireEvent.keyDown(field, { key: 'Enter', keyCode: 13 });
    expect(onSend).toHaveBeenCalledExactlyOnceWith('안녕', 0);
  });

  it('sends nothing when there is nothing', async () => {
    const user = userEvent.setup();
    const { onSend, field } = setup();
    await user.type(field, '   {Enter}');
    expect(onSend).not.toHaveBeenCalled();
    expect(screen.getByRole('button', { name: 'Send' })).toHaveProperty('disabled', true);
  });

  it('stops a running answer, and lets the next question wait', async () => {
    const user = userEvent.setup();
    const { onSend, onStop, field } = setup({ running: true });
    await user.type(field, 'next{Enter}');
    expect(onSend).toHaveBeenCalledExactlyOnceWith('next', 0);
    await user.click(screen.getByRole('button', { name: 'Stop answering' }));
    await user.type(field, '{Escape}');
    expect(onStop).toHaveBeenCalledTimes(2);
  });

  it('takes pictures that are pasted, and lets one take them out', async () => {
    const user = userEvent.setup();
    const { onSend, field } = setup();
    const paste = createEvent.paste(field, {
      clipboardData: { files: [new File(['x'], 'a.png', { type: 'image/png' })] },
    });
    fireEvent(field, paste);
    await screen.findByRole('img', { name: 'a.png' });
    await user.click(screen.getByRole('button', { name: 'Send' }));
    expect(onSend).toHaveBeenCalledExactlyOnceWith('', 1);
    await user.click(screen.getByRole('button', { name: 'Remove the picture a.png' }));
    expect(screen.queryByRole('img', { name: 'a.png' })).toBeNull();
  });

  it('leaves a pasted text alone', () => {
    const { field } = setup();
    const paste = createEvent.paste(field, { clipboardData: { files: [] } });
    fireEvent(field, paste);
    expect(paste.defaultPrevented).toBe(false);
  });
});
