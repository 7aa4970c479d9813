import type { Model } from '@/platform/api/types';

/** Whether a model is for conversations. */
export function isForChat(model: Model): boolean {
  return model.kind === 'profile' || !model.capabilities.includes('embedding');
}

/** The models in which every word occurs, in their order. */
export function filterModels(models: readonly Model[], text: string): Model[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return models.filter((model) => {
    // Every server stands behind a profile: naming one asks for its models.
    const where = model.kind === 'profile' ? [] : model.nodes;
    const all = [model.id, model.name, model.description ?? '', ...where].join(' ').toLowerCase();
    return words.every((word) => all.includes(word));
  });
}

/** The model that holds: the first of the wanted ones that exists. */
export function chooseModel(
  models: readonly Model[],
  wanted: readonly (string | null | undefined)[],
): string | null {
  for (const id of wanted) {
    if (id && models.some((model) => model.id === id)) return id;
  }
  return null;
}

/** A context length in thousands of tokens, as people say it. */
export function contextLabel(tokens: number): string {
  return tokens >= 1024 * 1024
    ? `${Math.round(tokens / (1024 * 1024))}M`
    : `${Math.round(tokens / 1024)}K`;
}
