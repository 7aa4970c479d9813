'use client';

import { useQuery } from '@tanstack/react-query';
import { Checkbox } from '@/ui/checkbox';
import { modelsQuery } from './api';

/** Which models may be asked: all of them (`null`), or those that are chosen. */
export function ModelChoice({
  legend,
  allLabel,
  names: known,
  value,
  onChange,
}: {
  legend: string;
  allLabel: string;
  /** What there is to choose from; what one may ask oneself unless given. */
  names?: readonly string[];
  value: readonly string[] | null;
  onChange: (value: string[] | null) => void;
}) {
  const models = useQuery({ ...modelsQuery, enabled: known === undefined });
  const there = known ?? models.data?.items.map(({ id }) => id) ?? [];
  // A model that was chosen stays in view when its server is gone.
  const names = [...new Set([...there, ...(value ?? [])])];
  return (
    <fieldset className="flex flex-col gap-2">
      <legend className="mb-1.5 font-medium text-sm">{legend}</legend>
      <Checkbox
        label={allLabel}
        checked={value === null}
        onChange={(all) => onChange(all ? null : [])}
      />
      {value !== null && (
        <div className="scroll-quiet flex max-h-44 flex-col gap-2 overflow-y-auto rounded-md border border-line p-3">
          {names.map((model) => (
            <Checkbox
              key={model}
              label={model}
              checked={value.includes(model)}
              onChange={(on) =>
                onChange(on ? [...value, model] : value.filter((other) => other !== model))
              }
            />
          ))}
        </div>
      )}
    </fieldset>
  );
}
