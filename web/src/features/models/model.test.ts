import { describe, expect, it } from 'vitest';
import { model } from '@/testing/builders';
import { chooseModel, contextLabel, filterModels, isForChat } from './model';

const MODELS = [
  model({
    id: 'openmake_auto',
    name: 'OpenMake Auto',
    kind: 'profile',
    description: '알아서 고름',
  }),
  model({ id: 'qwen3:8b', nodes: ['GPU box'] }),
  model({ id: 'nomic-embed', capabilities: ['embedding'] }),
];
const ids = (text: string) => filterModels(MODELS, text).map(({ id }) => id);

describe('models', () => {
  it('are found by name, description and server, all words', () => {
    expect(ids('')).toHaveLength(3);
    expect(ids('QWEN')).toEqual(['qwen3:8b']);
    expect(ids('gpu')).toEqual(['qwen3:8b']);
    expect(ids('gpu 8b')).toEqual(['qwen3:8b']);
    expect(ids('알아서')).toEqual(['openmake_auto']);
    expect(ids('qwen auto')).toEqual([]);
  });

  it('are offered for conversations unless they only embed', () => {
    expect(MODELS.filter(isForChat).map(({ id }) => id)).toEqual(['openmake_auto', 'qwen3:8b']);
  });

  it('are chosen by the first wish that exists', () => {
    expect(chooseModel(MODELS, [null, 'gone', 'qwen3:8b', 'openmake_auto'])).toBe('qwen3:8b');
    expect(chooseModel(MODELS, ['gone'])).toBeNull();
  });

  it('say their context as people do', () => {
    expect([8_192, 131_072, 1_048_576].map(contextLabel)).toEqual(['8K', '128K', '1M']);
  });
});
