import { beforeEach, describe, expect, it } from 'vitest';
import { Queue, type Queued } from './queue';

const item = (key: string, fields: Partial<Queued> = {}): Queued => ({
  key,
  conversationId: 'c',
  text: key,
  pictures: [],
  model: null,
  compareModel: null,
  lost: 0,
  ...fields,
});
const picture = { id: 'p', name: 'a.png', data: 'data:image/png;base64,AA==' };

describe('the queue', () => {
  let queue: Queue;
  beforeEach(() => {
    sessionStorage.clear();
    queue = new Queue();
  });

  it('hands over the oldest of a conversation, but not under one’s hands', () => {
    queue.add(item('other', { conversationId: 'd' }));
    queue.add(item('one'));
    queue.add(item('two'));
    expect(queue.ready('c')?.key).toBe('one');
    queue.editing('one');
    expect(queue.ready('c')).toBeNull();
    queue.editing(null);
    expect(queue.take('one')?.text).toBe('one');
    expect(queue.take('one')).toBeNull();
    expect(queue.ready('c')?.key).toBe('two');
  });

  it('keeps what is being sent until the server has it, under the same key', () => {
    queue.add(item('one'));
    queue.take('one');
    expect(new Queue().items().map(({ key }) => key)).toEqual(['one']);
    queue.gone('one');
    expect(new Queue().items()).toEqual([]);
  });

  it('says which pictures a refresh took, and does not send without them', () => {
    queue.add(item('one', { pictures: [picture] }));
    expect(queue.ready('c')?.key).toBe('one');
    const after = new Queue();
    expect(after.items()).toMatchObject([{ text: 'one', pictures: [], lost: 1 }]);
    expect(after.ready('c')).toBeNull();
    after.edit('one', 'changed');
    expect(new Queue().items()).toMatchObject([{ text: 'changed', lost: 1 }]);
  });

  it('begins empty where the storage holds nonsense', () => {
    for (const nonsense of ['{', '{}', '[1]', '[{"key":"a"}]', '[null]']) {
      sessionStorage.setItem('openmake.queue', nonsense);
      expect(new Queue().items()).toEqual([]);
    }
  });
});
