import { ChatPage } from '@/features/chat';

export default function Page() {
  return <ChatPage />;
}
