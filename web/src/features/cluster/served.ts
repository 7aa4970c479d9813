import type { ModelNode } from '@/platform/api/types';

/** One model of the cluster. */
export interface Served {
  model: string;
  /** The servers that offer it, and take requests. */
  nodes: string[];
  /** Those that have it in memory now. */
  loaded: string[];
}

/** Whether a server takes new requests. */
export const takesRequests = (node: ModelNode): boolean =>
  node.enabled && !node.draining && node.health !== 'open';

/** The models of all servers, by name, each with where it can be asked. */
export function servedModels(nodes: readonly ModelNode[]): Served[] {
  const models = new Map<string, Served>();
  for (const node of nodes) {
    for (const model of node.models) {
      const served = models.get(model) ?? { model, nodes: [], loaded: [] };
      if (takesRequests(node)) served.nodes.push(node.name);
      if (node.loaded_models.includes(model)) served.loaded.push(node.name);
      models.set(model, served);
    }
  }
  return [...models.values()].sort((a, b) => a.model.localeCompare(b.model));
}
