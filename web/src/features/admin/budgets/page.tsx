'use client';

import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { Gauge, Plus } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useTranslations } from 'use-intl';
import { AdminList, AdminPage, microText } from '@/features/admin-frame';
import { useToldErrors } from '@/features/security';
import type { Budget, BudgetSubject } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { keys } from '@/platform/query/keys';
import { itemsOf } from '@/platform/query/pages';
import { Banner, Empty } from '@/ui/banner';
import { Button } from '@/ui/button';
import { ConfirmDialog, Dialog } from '@/ui/dialog';
import { SelectField } from '@/ui/field';
import { toast } from '@/ui/toast';
import { budgetsQuery, createBudget, removeBudget, setLimit } from './api';
import { BudgetForm, LimitField, limitOf } from './form';
import { BudgetRow } from './row';

const SUBJECTS: readonly BudgetSubject[] = ['user', 'group', 'key'];
/** Budgets fill while one looks at them. */
const REFRESH_MS = 15_000;

function LimitForm({ budget, onDone }: { budget: Budget; onDone: () => void }) {
  const common = useTranslations('common');
  const explain = useExplain();
  const client = useQueryClient();
  const [text, setText] = useState(
    budget.unit === 'money' ? microText(budget.limit) : String(budget.limit),
  );
  const limit = limitOf(budget.unit, text);
  const save = useMutation({
    mutationFn: setLimit,
    onSuccess: () => {
      toast(common('saved'));
      onDone();
    },
    onSettled: () => client.invalidateQueries({ queryKey: keys.allBudgets }),
  });
  const atField = explain.field(save.error, 'limit');
  return (
    <form
      className="flex flex-col gap-5"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        if (limit !== null) save.mutate({ id: budget.id, limit });
      }}
    >
      <LimitField unit={budget.unit} text={text} error={atField} onText={setText} />
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
        disabled={limit === null || limit === budget.limit}
      >
        {common('save')}
      </Button>
    </form>
  );
}

function Budgets() {
  const t = useTranslations('admin.budgets');
  const common = useTranslations('common');
  const client = useQueryClient();
  const told = useToldErrors();
  const [subject, setSubject] = useState<BudgetSubject | null>(null);
  const list = useInfiniteQuery({ ...budgetsQuery(subject), refetchInterval: REFRESH_MS });
  const items = itemsOf(list.data);
  const nameOf = ({ subject_name }: Budget) => subject_name;
  const [making, setMaking] = useState(false);
  const [editing, setEditing] = useState<Budget | null>(null);
  const [removing, setRemoving] = useState<Budget | null>(null);
  const onSettled = () => client.invalidateQueries({ queryKey: keys.allBudgets });
  const create = useMutation({
    mutationFn: createBudget,
    onSuccess: () => setMaking(false),
    onSettled,
  });
  const remove = useMutation({
    mutationFn: removeBudget,
    onSuccess: () => toast(t('deleted')),
    onError: told,
    onSettled,
  });
  return (
    <section className="glass flex flex-col rounded-lg p-5 sm:p-6">
      <div className="flex flex-wrap items-end justify-between gap-3">
        <SelectField
          label={t('shown')}
          value={subject ?? ''}
          onChange={(event) =>
            setSubject(SUBJECTS.find((value) => value === event.target.value) ?? null)
          }
        >
          <option value="">{t('all')}</option>
          {SUBJECTS.map((value) => (
            <option key={value} value={value}>
              {t(`of.${value}`)}
            </option>
          ))}
        </SelectField>
        <Button
          kind="primary"
          className="h-11"
          icon={<Plus className="size-4" />}
          onClick={() => {
            create.reset();
            setMaking(true);
          }}
        >
          {t('create')}
        </Button>
      </div>
      <AdminList
        label={t('label')}
        query={list}
        count={items.length}
        empty={
          <Empty icon={<Gauge />} title={t('none')}>
            {t('noneHelp')}
          </Empty>
        }
      >
        {items.map((budget) => (
          <BudgetRow
            key={budget.id}
            budget={budget}
            name={nameOf(budget)}
            onEdit={() => setEditing(budget)}
            onRemove={() => setRemoving(budget)}
          />
        ))}
      </AdminList>
      <Dialog
        open={making}
        onOpenChange={setMaking}
        title={t('create')}
        closeLabel={common('close')}
      >
        <BudgetForm
          busy={create.isPending}
          error={create.error}
          onSubmit={(budget) => create.mutate(budget)}
        />
      </Dialog>
      <Dialog
        open={editing !== null}
        onOpenChange={(open) => !open && setEditing(null)}
        title={editing ? t('edit', { name: nameOf(editing) }) : ''}
        description={t('editLead')}
        closeLabel={common('close')}
      >
        {editing && <LimitForm budget={editing} onDone={() => setEditing(null)} />}
      </Dialog>
      <ConfirmDialog
        open={removing !== null}
        onOpenChange={(open) => !open && setRemoving(null)}
        title={removing ? t('deleteTitle', { name: nameOf(removing) }) : ''}
        description={t('deleteLead')}
        closeLabel={common('close')}
        confirmLabel={t('deleteIt')}
        cancelLabel={common('cancel')}
        onConfirm={() => removing && remove.mutate(removing.id)}
      />
    </section>
  );
}

/** /admin/budgets */
export function BudgetsPage() {
  return (
    <AdminPage place="budgets">
      <Budgets />
    </AdminPage>
  );
}
