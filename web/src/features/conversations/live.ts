import type { QueryClient } from '@tanstack/react-query';
import type { Conversation, ServerFrame } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';

/** How long changes are gathered before the lists are read again. */
const GATHER_MS = 300;

/** What the frames need from outside. */
export interface ChangeDeps {
  client: QueryClient;
  setTimeout: (run: () => void, ms: number) => number;
}

/**
 * Turns frames that say what changed into reads of just that. A change that is
 * known already costs nothing.
 */
export function changeHandler({ client, setTimeout }: ChangeDeps): (frame: ServerFrame) => void {
  let gathering = false;
  const listsSoon = () => {
    if (gathering) return;
    gathering = true;
    setTimeout(() => {
      gathering = false;
      void client.invalidateQueries({ queryKey: keys.conversationLists });
      void client.invalidateQueries({ queryKey: keys.searches });
    }, GATHER_MS);
  };

  return (frame) => {
    switch (frame.type) {
      case 'conversation.changed': {
        const known = client.getQueryData<Conversation>(keys.conversation(frame.id));
        if (known && known.version >= frame.version) return;
        // A deleted one is a 404 until it is brought back: stale, but not asked for.
        const refetchType = known?.deleted_at ? 'none' : 'active';
        void client.invalidateQueries({ queryKey: keys.conversation(frame.id), refetchType });
        void client.invalidateQueries({ queryKey: keys.messages(frame.id), refetchType });
        listsSoon();
        break;
      }
      case 'node.changed':
        void client.invalidateQueries({ queryKey: keys.nodes });
        void client.invalidateQueries({ queryKey: keys.models });
        break;
      case 'settings.changed':
        void client.invalidateQueries({ queryKey: keys.settings });
        void client.invalidateQueries({ queryKey: keys.instance });
        void client.invalidateQueries({ queryKey: keys.models });
        break;
      default:
        break;
    }
  };
}
