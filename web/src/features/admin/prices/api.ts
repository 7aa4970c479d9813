import { queryOptions } from '@tanstack/react-query';
import { call } from '@/platform/api/client';
import type { ModelPrice, SetModelPrice } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';

/** What models cost; one that is not here costs nothing. */
export const pricesQuery = queryOptions({
  queryKey: keys.prices,
  queryFn: async ({ signal }) =>
    (await call<{ items: ModelPrice[] }>('/model-prices', { signal })).items,
});

const pathOf = (model: string) => `/model-prices/${encodeURIComponent(model)}`;

/** Sets a price, for calls from now on. */
export const setPrice = ({ model, ...body }: { model: string } & SetModelPrice) =>
  call<ModelPrice>(pathOf(model), { method: 'PUT', body });

/** Removes a price: the model costs nothing from now on. */
export const removePrice = (model: string) => call<void>(pathOf(model), { method: 'DELETE' });
