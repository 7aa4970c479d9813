'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Coins, Pencil, Plus, Trash2 } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useFormatter, useTranslations } from 'use-intl';
import { AdminList, AdminPage, fromMicro, MONEY, microText, toMicro } from '@/features/admin-frame';
import { modelsQuery } from '@/features/models';
import { useToldErrors } from '@/features/security';
import type { ModelPrice } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { keys } from '@/platform/query/keys';
import { Banner, Empty } from '@/ui/banner';
import { Button, IconButton } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { TextField } from '@/ui/field';
import { toast } from '@/ui/toast';
import { pricesQuery, removePrice, setPrice } from './api';

/** A model with its price, where it has one. */
interface Priced {
  model: string;
  price: ModelPrice | null;
}

const MAX_PRICE = 1_000_000_000_000;

/** What was typed as a price; `null` where it is none that the server takes. */
function priceOf(text: string): number | null {
  const micro = toMicro(text);
  return micro === null || micro > MAX_PRICE ? null : micro;
}

function PriceForm({ of, onDone }: { of: Priced | null; onDone: () => void }) {
  const t = useTranslations('admin.prices');
  const common = useTranslations('common');
  const explain = useExplain();
  const client = useQueryClient();
  const [model, setModel] = useState(of?.model ?? '');
  const [input, setInput] = useState(of?.price ? microText(of.price.input_price) : '');
  const [output, setOutput] = useState(of?.price ? microText(of.price.output_price) : '');
  const prices = [
    { name: 'input_price', text: input, set: setInput },
    { name: 'output_price', text: output, set: setOutput },
  ] as const;
  const [input_price, output_price] = [priceOf(input), priceOf(output)];
  const save = useMutation({
    mutationFn: setPrice,
    onSuccess: () => {
      toast(common('saved'));
      onDone();
    },
    onSettled: () => client.invalidateQueries({ queryKey: keys.prices }),
  });
  const atField = ['model', 'input_price', 'output_price'].some((name) =>
    explain.field(save.error, name),
  );
  return (
    <form
      className="flex flex-col gap-5"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        if (input_price === null || output_price === null) return;
        save.mutate({ model: model.trim(), input_price, output_price });
      }}
    >
      {of === null && (
        <TextField
          label={t('model')}
          hint={t('modelHelp')}
          required
          maxLength={200}
          autoComplete="off"
          spellCheck={false}
          value={model}
          error={explain.field(save.error, 'model')}
          onChange={(event) => setModel(event.target.value)}
        />
      )}
      <div className="grid gap-4 sm:grid-cols-2">
        {prices.map(({ name, text, set }) => (
          <TextField
            key={name}
            label={t(`form.${name}`)}
            inputMode="decimal"
            autoComplete="off"
            required
            maxLength={20}
            value={text}
            error={
              explain.field(save.error, name) ??
              (text !== '' && priceOf(text) === null ? t('wrong') : null)
            }
            onChange={(event) => set(event.target.value)}
          />
        ))}
      </div>
      {save.error && !atField && (
        <Banner kind="danger" title={explain.error(save.error).title}>
          {explain.error(save.error).detail}
        </Banner>
      )}
      <Button
        type="submit"
        kind="primary"
        className="self-end"
        busy={save.isPending}
        disabled={model.trim() === '' || input_price === null || output_price === null}
      >
        {common('save')}
      </Button>
    </form>
  );
}

function PriceRow({
  of: { model, price },
  onEdit,
  onRemove,
}: {
  of: Priced;
  onEdit: () => void;
  onRemove: (price: ModelPrice) => void;
}) {
  const t = useTranslations('admin.prices');
  const format = useFormatter();
  const money = (micro: number) => format.number(fromMicro(micro), MONEY);
  return (
    <li className="flex items-center gap-3 py-3.5">
      <div className="min-w-0 flex-1">
        <p className="break-words font-medium text-sm">{model}</p>
        <p className="text-muted text-xs">
          {price
            ? t('per', { input: money(price.input_price), output: money(price.output_price) })
            : t('free')}
        </p>
      </div>
      <IconButton size="sm" label={t('edit', { model })} onClick={onEdit}>
        <Pencil className="size-4" />
      </IconButton>
      <IconButton
        size="sm"
        label={t('delete', { model })}
        disabled={!price}
        onClick={() => price && onRemove(price)}
      >
        <Trash2 className="size-4" />
      </IconButton>
    </li>
  );
}

function Prices() {
  const t = useTranslations('admin.prices');
  const common = useTranslations('common');
  const sidebar = useTranslations('sidebar');
  const client = useQueryClient();
  const told = useToldErrors();
  const prices = useQuery(pricesQuery);
  const models = useQuery(modelsQuery);
  const [editing, setEditing] = useState<Priced | 'new' | null>(null);
  const options = {
    onError: told,
    onSettled: () => client.invalidateQueries({ queryKey: keys.prices }),
  };
  const back = useMutation({ mutationFn: setPrice, ...options });
  const remove = useMutation({
    mutationFn: ({ model }: ModelPrice) => removePrice(model),
    ...options,
    onSuccess: (_, { model, input_price, output_price }) =>
      toast(t('deleted', { model }), {
        label: sidebar('undo'),
        run: () => back.mutate({ model, input_price, output_price }),
      }),
  });
  // Connected models first need a price; one that is priced keeps its row when
  // its server is away.
  const real = (models.data?.items ?? []).filter(({ kind }) => kind !== 'profile');
  const names = [
    ...new Set([...real.map(({ id }) => id), ...(prices.data ?? []).map(({ model }) => model)]),
  ].sort((a, b) => a.localeCompare(b));
  const rows: Priced[] = names.map((model) => ({
    model,
    price: prices.data?.find((price) => price.model === model) ?? null,
  }));
  return (
    <section className="glass flex flex-col rounded-lg p-5 sm:p-6">
      <Button
        className="self-end"
        icon={<Plus className="size-4" />}
        onClick={() => setEditing('new')}
      >
        {t('create')}
      </Button>
      <AdminList
        label={t('label')}
        query={prices}
        count={prices.data ? rows.length : 0}
        empty={
          <Empty icon={<Coins />} title={t('none')}>
            {t('noneHelp')}
          </Empty>
        }
      >
        {rows.map((row) => (
          <PriceRow
            key={row.model}
            of={row}
            onEdit={() => setEditing(row)}
            onRemove={(price) => remove.mutate(price)}
          />
        ))}
      </AdminList>
      <Dialog
        open={editing !== null}
        onOpenChange={(open) => !open && setEditing(null)}
        title={editing && editing !== 'new' ? t('edit', { model: editing.model }) : t('create')}
        description={t('formLead')}
        closeLabel={common('close')}
      >
        {editing && (
          <PriceForm of={editing === 'new' ? null : editing} onDone={() => setEditing(null)} />
        )}
      </Dialog>
    </section>
  );
}

/** /admin/prices */
export function PricesPage() {
  return (
    <AdminPage place="prices">
      <Prices />
    </AdminPage>
  );
}
