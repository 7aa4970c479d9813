import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type ApiDocument, groupsOf, searched, typeName } from './document';

const document: ApiDocument = JSON.parse(readFileSync('../openapi.json', 'utf8'));

describe('the documentation', () => {
  const groups = groupsOf(document);
  const all = groups.flatMap(({ operations }) => operations);

  it('has every operation of the server, and each says what it does', () => {
    const count = Object.values(document.paths).flatMap(Object.keys).length;
    expect(all).toHaveLength(count);
    expect(all.filter(({ summary }) => summary === '')).toEqual([]);
    expect(groups.slice(0, 3).map(({ tag }) => tag)).toEqual(['OpenAI', 'Anthropic', 'Ollama']);
  });

  it('lists what goes in and what comes out', () => {
    const search = all.find(({ id }) => id === 'get_search');
    expect(search?.parameters.map(({ name, required }) => [name, required])).toEqual([
      ['q', true],
      ['limit', false],
    ]);
    const chat = all.find(({ path }) => path === '/v1/chat/completions');
    expect(chat?.body.find(({ name }) => name === 'model')?.required).toBe(true);
    // One schema that is made of two.
    const row = groupsOf({
      ...document,
      paths: {
        '/row': {
          get: {
            responses: {
              200: {
                content: { json: { schema: { $ref: '#/components/schemas/UsageRow' } } },
              },
            },
          },
        },
      },
    });
    expect(row[0]?.operations[0]?.answer.map(({ name }) => name)).toContain('input_tokens');
    expect(row[0]?.operations[0]?.answer.map(({ name }) => name)).toContain('model');
  });

  it('is found by its words', () => {
    expect(searched(groups, '')).toEqual(groups);
    expect(searched(groups, 'post TURNS').flatMap(({ operations }) => operations)).not.toEqual([]);
    expect(searched(groups, 'no such thing')).toEqual([]);
  });
});

it('a type is written as people write it', () => {
  expect(typeName({ type: ['integer', 'null'] })).toBe('integer | null');
  expect(typeName({ type: 'array', items: { $ref: '#/x/Part' } })).toBe('Part[]');
  expect(typeName({ type: 'string', format: 'uuid' })).toBe('uuid');
  expect(typeName({ enum: ['a', 'b'] })).toBe('"a" | "b"');
  expect(typeName({})).toBe('any');
});
