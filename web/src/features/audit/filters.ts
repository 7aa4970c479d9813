/** What the trail is asked for, as it stands in the page's address. */
export interface Filters {
  action: string | null;
  user: string | null;
  outcome: string | null;
  /** Days of the reader's calendar, both with it. */
  from: string | null;
  to: string | null;
  kind: string | null;
  thing: string | null;
}

export const NO_FILTERS: Filters = {
  action: null,
  user: null,
  outcome: null,
  from: null,
  to: null,
  kind: null,
  thing: null,
};

/** Reads them from the address. */
export function filtersOf(query: Pick<URLSearchParams, 'get'>): Filters {
  const names = Object.keys(NO_FILTERS) as (keyof Filters)[];
  return Object.fromEntries(
    names.map((name) => [name, query.get(name) || null]),
  ) as unknown as Filters;
}

/** The beginning of a day of the reader's, `days` later; `null` for what is no day. */
export function dayBegin(day: string | null, days: 0 | 1): string | null {
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day ?? '');
  if (!parts) return null;
  const [, year, month, date] = parts.map(Number);
  const begin = new Date(year ?? 0, (month ?? 1) - 1, (date ?? 1) + days);
  return Number.isNaN(begin.getTime()) ? null : begin.toISOString();
}

/** The query of the list and of the export. */
export function queryOf(filters: Filters): Record<string, string | null> {
  return {
    action: filters.action,
    user_id: filters.user,
    outcome: filters.outcome,
    from: dayBegin(filters.from, 0),
    to: dayBegin(filters.to, 1),
    resource_type: filters.kind,
    resource_id: filters.thing,
  };
}
