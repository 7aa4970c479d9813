import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useState } from 'react';
import { flushSync } from 'react-dom';
import { describe, expect, it } from 'vitest';
import { Dialog } from './dialog';
import { Menu, MenuItem } from './menu';

function Page() {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        Rename
      </button>
      <button type="button" id="elsewhere">
        Elsewhere
      </button>
      <Menu trigger={<button type="button">More</button>}>
        <MenuItem onSelect={() => setOpen(true)}>Rename from here</MenuItem>
      </Menu>
      <Dialog open={open} onOpenChange={setOpen} title="A name" closeLabel="Close">
        <input aria-label="Name" autoFocus />
        <button
          type="button"
          onClick={() => {
            flushSync(() => setOpen(false));
            document.getElementById('elsewhere')?.focus();
          }}
        >
          Go on elsewhere
        </button>
      </Dialog>
    </>
  );
}

describe('a dialog', () => {
  it('gives the focus back to what opened it', async () => {
    const user = userEvent.setup();
    render(<Page />);
    await user.click(screen.getByRole('button', { name: 'Rename' }));
    await screen.findByRole('dialog');
    await user.keyboard('{Escape}');
    await waitFor(() => expect(document.activeElement?.textContent).toBe('Rename'));
  });

  it('gives it to the button of the menu that opened it', async () => {
    const user = userEvent.setup();
    render(<Page />);
    screen.getByRole('button', { name: 'More' }).focus();
    await user.keyboard('{Enter}');
    await user.click(await screen.findByRole('menuitem'));
    await screen.findByRole('dialog');
    await user.keyboard('{Escape}');
    await waitFor(() => expect(document.activeElement?.textContent).toBe('More'));
  });

  it('leaves it where it was put meanwhile', async () => {
    const user = userEvent.setup();
    render(<Page />);
    await user.click(screen.getByRole('button', { name: 'Rename' }));
    await user.click(await screen.findByRole('button', { name: 'Go on elsewhere' }));
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    await waitFor(() => expect(document.activeElement?.id).toBe('elsewhere'));
  });
});
