'use client';

import { Inbox, Pencil, Plus } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { THEMES, useTheme } from '@/platform/theme';
import { Badge } from '@/ui/badge';
import { Banner, Empty } from '@/ui/banner';
import { Button, IconButton } from '@/ui/button';
import { Checkbox } from '@/ui/checkbox';
import { ConfirmDialog, Dialog, Drawer } from '@/ui/dialog';
import { PasswordField, Segmented, SelectField, Switch, TextArea, TextField } from '@/ui/field';
import { Listing } from '@/ui/listing';
import { Logo } from '@/ui/logo';
import { Menu, MenuItem, MenuSeparator } from '@/ui/menu';
import { Popover } from '@/ui/popover';
import { Section } from '@/ui/section';
import { Spinner } from '@/ui/spinner';
import { toast, toastError } from '@/ui/toast';
import { adoptForcedStates } from './states';
import { Tokens } from './tokens';

// For those who build the page, in development only: it has no translations.
const STATES = ['rest', 'hover', 'active', 'focus'] as const;
const KINDS = ['primary', 'plain', 'quiet', 'danger'] as const;
const TONES = ['info', 'success', 'warning', 'danger'] as const;
const BADGES = ['plain', 'accent', 'success', 'warning', 'danger'] as const;
const nothing = () => undefined;

/** The same thing in each state that a pointer or the keyboard brings about. */
function States({ children }: { children: ReactNode }) {
  return (
    <div className="grid grid-cols-2 gap-4 lg:grid-cols-4">
      {STATES.map((state) => (
        <div key={state} className="flex min-w-0 flex-col gap-2">
          <p className="text-muted text-xs">{state}</p>
          <div className={`force-${state}`}>{children}</div>
        </div>
      ))}
    </div>
  );
}

function Buttons() {
  return (
    <>
      {KINDS.map((kind) => (
        <States key={kind}>
          <Button kind={kind}>{kind}</Button>
        </States>
      ))}
      <div className="flex flex-wrap items-center gap-3">
        {KINDS.map((kind) => (
          <Button key={kind} kind={kind} disabled>
            disabled
          </Button>
        ))}
        {KINDS.map((kind) => (
          <Button key={kind} kind={kind} busy>
            loading
          </Button>
        ))}
      </div>
      <div className="flex flex-wrap items-center gap-3">
        {(['sm', 'md', 'lg'] as const).map((size) => (
          <Button key={size} size={size} icon={<Plus className="size-4" />}>
            {size}
          </Button>
        ))}
        {(['sm', 'md', 'lg'] as const).map((size) => (
          <IconButton key={size} size={size} label={`Edit, ${size}`}>
            <Pencil className="size-4" />
          </IconButton>
        ))}
        <IconButton label="Edit, disabled" disabled>
          <Pencil className="size-4" />
        </IconButton>
      </div>
    </>
  );
}

function Fields() {
  const [on, setOn] = useState(true);
  const [choice, setChoice] = useState('one');
  return (
    <>
      <States>
        <TextField label="Name" placeholder="Mina" />
      </States>
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField label="With a hint" hint="As others see it." defaultValue="Mina" />
        <TextField label="With an error" error="This is already taken." defaultValue="Mina" />
        <TextField label="Disabled" disabled defaultValue="Mina" />
        <PasswordField label="Password" showLabel="Show" hideLabel="Hide" defaultValue="secret" />
        <SelectField label="One of a few">
          <option>First</option>
          <option>Second</option>
        </SelectField>
        <TextArea label="Several lines" rows={3} defaultValue={'One\nTwo'} />
      </div>
      <Switch label="On or off" hint="At once." checked={on} onChange={setOn} />
      <Switch label="Disabled" checked={false} disabled onChange={nothing} />
      <Checkbox
        label="One among several"
        hint="They do not exclude each other."
        checked={on}
        onChange={setOn}
      />
      <Segmented
        label="One of very few"
        value={choice}
        options={['one', 'two', 'three'].map((value) => ({ value, label: value }))}
        onChange={setChoice}
      />
    </>
  );
}

function Lists() {
  const listing = {
    label: 'Things',
    pending: false,
    problem: null,
    retryLabel: 'Try again',
    onRetry: nothing,
    more: null,
    moreLabel: 'Show more',
    empty: (
      <Empty icon={<Inbox />} title="Nothing here yet">
        What will be here, and how it gets here.
      </Empty>
    ),
    isEmpty: false,
  };
  const rows = ['First', 'Second'].map((name) => (
    <li key={name} className="py-3">
      {name}
    </li>
  ));
  return (
    <div className="grid gap-8 sm:grid-cols-2">
      <div className="flex flex-col">
        <Listing {...listing} pending>
          {null}
        </Listing>
      </div>
      <div className="flex flex-col">
        <Listing {...listing} isEmpty>
          {null}
        </Listing>
      </div>
      <div className="flex flex-col">
        <Listing {...listing} problem="The list cannot be read.">
          {rows}
        </Listing>
      </div>
      <div className="flex flex-col">
        <Listing {...listing} more={{ busy: false, run: nothing }}>
          {rows}
        </Listing>
      </div>
    </div>
  );
}

function Floats() {
  const [shown, show] = useState<'dialog' | 'confirm' | 'drawer' | 'popover' | null>(null);
  const of = (name: typeof shown) => ({
    open: shown === name,
    onOpenChange: (open: boolean) => show(open ? name : null),
    title: 'A title',
    closeLabel: 'Close',
  });
  return (
    <div className="flex flex-wrap gap-3">
      <Button onClick={() => show('dialog')}>Dialog</Button>
      <Button onClick={() => show('confirm')}>Confirmation</Button>
      <Button onClick={() => show('drawer')}>Drawer</Button>
      <Menu trigger={<Button>Menu</Button>}>
        <MenuItem icon={<Pencil />} onSelect={nothing}>
          Rename
        </MenuItem>
        <MenuItem disabled onSelect={nothing}>
          Disabled
        </MenuItem>
        <MenuSeparator />
        <MenuItem danger onSelect={nothing}>
          Delete
        </MenuItem>
      </Menu>
      <Popover {...of('popover')} label="A panel" trigger={<Button>Popover</Button>}>
        <p className="p-4 text-sm">A small panel.</p>
      </Popover>
      <Button onClick={() => toast('It is done.', { label: 'Undo', run: nothing })}>Toast</Button>
      <Button onClick={() => toastError('It did not work.')}>Toast of an error</Button>
      <Dialog {...of('dialog')} description="What it is about.">
        <TextField label="Name" />
      </Dialog>
      <ConfirmDialog
        {...of('confirm')}
        confirmLabel="Delete"
        cancelLabel="Cancel"
        onConfirm={nothing}
      />
      <Drawer {...of('drawer')}>
        <p className="p-6">From the side.</p>
      </Drawer>
    </div>
  );
}

/** /design: every part of the page in each of its states. Development only. */
export function DesignPage() {
  const [theme, setTheme] = useTheme();
  useEffect(adoptForcedStates, []);
  return (
    <main className="mx-auto flex w-full max-w-5xl flex-col gap-6 p-6">
      <header className="flex flex-wrap items-center justify-between gap-4">
        <h1 className="flex items-center gap-3 font-semibold text-2xl">
          <Logo className="size-8" /> Design
        </h1>
        <Segmented
          label="Theme"
          value={theme}
          options={THEMES.map((value) => ({ value, label: value }))}
          onChange={setTheme}
        />
      </header>
      <Section id="tokens" title="Tokens">
        <Tokens />
      </Section>
      <Section id="buttons" title="Buttons">
        <Buttons />
      </Section>
      <Section id="fields" title="Fields">
        <Fields />
      </Section>
      <Section id="news" title="News">
        {TONES.map((kind) => (
          <Banner
            key={kind}
            kind={kind}
            title={`${kind}: what happened`}
            action={<Button size="sm">What to do</Button>}
          >
            Why it did.
          </Banner>
        ))}
        <div className="flex flex-wrap items-center gap-2">
          {BADGES.map((kind) => (
            <Badge key={kind} kind={kind}>
              {kind}
            </Badge>
          ))}
          <Spinner />
        </div>
      </Section>
      <Section id="lists" title="Lists: read, empty, failed, with more">
        <Lists />
      </Section>
      <Section id="floats" title="What floats">
        <Floats />
      </Section>
    </main>
  );
}
