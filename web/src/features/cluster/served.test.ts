import { describe, expect, it } from 'vitest';
import type { ModelNode } from '@/platform/api/types';
import { servedModels } from './served';

const node = (name: string, rest: Partial<ModelNode>): ModelNode => ({
  id: name,
  name,
  kind: 'ollama',
  base_url: 'http://localhost:11434',
  source: 'stored',
  enabled: true,
  draining: false,
  health: 'healthy',
  in_flight: 0,
  models: [],
  loaded_models: [],
  api_keys: [],
  ...rest,
});

describe('the models of the cluster', () => {
  it('are listed once, with every server that takes requests', () => {
    expect(
      servedModels([
        node('B', { models: ['qwen3', 'gemma'], loaded_models: ['qwen3'] }),
        node('A', { models: ['qwen3'] }),
      ]),
    ).toEqual([
      { model: 'gemma', nodes: ['B'], loaded: [] },
      { model: 'qwen3', nodes: ['B', 'A'], loaded: ['B'] },
    ]);
  });

  it('stay in the list without a server that takes requests', () => {
    for (const rest of [{ enabled: false }, { draining: true }, { health: 'open' }]) {
      expect(servedModels([node('A', { models: ['m'], ...rest })])).toEqual([
        { model: 'm', nodes: [], loaded: [] },
      ]);
    }
  });
});
