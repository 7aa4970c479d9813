import { describe, expect, it } from 'vitest';
import type { ProfileSettings } from '@/platform/api/types';
import { editOf, isEdit, preferOf, temperatureOf } from './edit';

const BUILT_IN: ProfileSettings = {
  prefer: ['qwen3:*', 'gemma3*'],
  size: 'balanced',
  thinking: 'medium',
  temperature: 0.5,
  context_tokens: 32_768,
  tool_turns: 5,
  time_budget_seconds: 0,
  instructions: 'Work well.',
};
const profile = { built_in: BUILT_IN, enabled: true };

describe('editing a profile', () => {
  it('says nothing of what is as built in', () => {
    expect(editOf({ ...BUILT_IN }, profile)).toEqual({ enabled: true });
    expect(isEdit(editOf({ ...BUILT_IN }, profile))).toBe(false);
    expect(isEdit({ enabled: false })).toBe(true);
  });

  it('says what differs, an empty list and 0 included', () => {
    const wanted = { ...BUILT_IN, prefer: [], tool_turns: 0, instructions: '', temperature: 0 };
    const edit = editOf(wanted, profile);
    expect(edit).toEqual({
      enabled: true,
      prefer: [],
      tool_turns: 0,
      instructions: '',
      temperature: 0,
    });
    expect(isEdit(edit)).toBe(true);
  });

  it('minds the order of what is preferred', () => {
    const wanted = { ...BUILT_IN, prefer: ['gemma3*', 'qwen3:*'] };
    expect(editOf(wanted, profile).prefer).toEqual(['gemma3*', 'qwen3:*']);
  });

  it('reads lists and temperatures as people type them', () => {
    expect(preferOf(' a \n\nb\na\n')).toEqual(['a', 'b']);
    expect(preferOf(' ')).toEqual([]);
    expect(temperatureOf(' 0.25 ')).toBe(0.25);
    expect(temperatureOf('2')).toBe(2);
    for (const text of ['', '2.1', '-1', '1,5', 'hot', '1e0']) {
      expect(temperatureOf(text), text).toBeNull();
    }
  });
});
