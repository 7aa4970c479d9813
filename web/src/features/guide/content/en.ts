import type { Chapter } from '../chapter';

export const chapters: readonly Chapter[] = [
  {
    id: 'models',
    title: 'Connecting a model',
    text: `OpenMake answers with models that run where you decide: on this machine, on another one in your network, or at a provider. An administrator connects them once, and everybody can use them.

1. Open **Administration** and go to **Model servers**.
2. Choose **Connect a model server**. Ollama on this machine is found by itself; for anything else, enter its address and, where it wants one, its key.
3. Test the connection. The list then shows which models the server has.

With several servers, each request goes to a healthy one that has the model and is least busy. If one fails before it has said anything, the next one answers. Administrators see under **Model keys** what was asked with each key, and under **Figures** how the server is doing.

You can choose a model for each conversation above the message field, or leave the choice to a profile such as **OpenMake Auto**. The sliders in the message field set how much the model thinks, its temperature, and instructions for the whole chat. What new chats begin with is under **Settings**.`,
  },
  {
    id: 'asking',
    title: 'Asking',
    text: `Type your question and press **Enter**; **Shift + Enter** makes a new line. You can paste or drop pictures where the model can see.

- While an answer is being written you can stop it, or already send the next question: it waits in line, where you can still change or remove it.
- Closing the page does not stop an answer. It continues on the server, and you find it when you come back, on any device.
- What you have typed but not sent is kept for each conversation in this browser.

Models make mistakes. Ask for sources, and check what matters.`,
  },
  {
    id: 'branches',
    title: 'Branches: trying another way',
    text: `Nothing you try overwrites what was there.

- **Edit** a question to ask it differently. This begins a new branch of the conversation.
- **Answer again** writes another answer to the same question, with the same model or with another one.
- **Compare with a second model**, in the list of models, asks two models at once. Their answers stand side by side; keep one, and the conversation goes on from it. The other stays, as another version.
- The arrows with numbers, such as **2 / 3**, go back and forth between the versions. Everything below follows.`,
  },
  {
    id: 'finding',
    title: 'Finding and keeping',
    text: `The sidebar searches titles and messages as you type, in every language, and goes to what it found. **History** shows the same with longer excerpts, and lets you select many conversations to archive, delete or export them, sorted by title or narrowed to some days. The button beside the search selects several in the sidebar.

- **Pin** what you need often, **archive** what is done.
- The bin under a question deletes it with everything that follows; **Undo** brings it back.
- A conversation that you delete can be restored for 30 days under **History → Deleted**.
- An export as Markdown has the branch that is shown; one as JSON has all of them.`,
  },
  {
    id: 'shortcuts',
    title: 'Keyboard',
    text: `| Keys | What they do |
|---|---|
| Ctrl/Cmd + K | Go anywhere, do anything, find a conversation |
| Ctrl/Cmd + Shift + O | New chat |
| Shift + Esc | To the message field |
| Alt + ↑ / Alt + ↓ | Previous and next conversation |
| Ctrl/Cmd + Shift + ; | Copy the last answer |
| ? | Show all shortcuts |

Everything on every page can be reached with the Tab key.`,
  },
  {
    id: 'signing-in',
    title: 'Passkeys and two factors',
    text: `Under **Settings → Sign-in and security** you can make your account safer than a password alone.

- A **passkey** signs you in with your fingerprint, face or security key. It cannot be guessed, reused or typed into a false page.
- An **authenticator app** asks for six digits after your password. Keep the backup codes somewhere else: each signs you in once if you lose the app.

The list of devices shows where you are signed in, and ends any of those sessions at once. Before something sensitive, such as making a key, the server asks again who you are.

Further down, **Your data** gives you everything of yours as one file, and deletes your account for good.`,
  },
  {
    id: 'keys',
    title: 'API keys',
    text: `Programs use this server with a key of their own. Make one under **API keys**, say what it may do, and copy it: it is shown only once.

- A key can be limited to some models, to so many requests or tokens a minute, and in time.
- **Rotate** gives it a new secret, **Revoke** ends it for good.
- OpenAI, Anthropic and Ollama clients work unchanged but for the address. **For developers** has examples that you can paste.

**Usage** shows what you and your keys used, and what is left of a budget.`,
  },
  {
    id: 'backups',
    title: 'Backups',
    text: `For whoever runs the server. One command writes everything into one file, also while the server runs:

\`\`\`bash
openmake backup /safe/place/openmake.omkb
\`\`\`

Give it a passphrase, and the file also carries the master key, sealed. To restore it into an empty place:

\`\`\`bash
openmake restore /safe/place/openmake.omkb
\`\`\`

With \`OPENMAKE_BACKUP_DIR\` set, the server makes backups by itself and tries each by restoring it. Copy them to another machine: a backup on the same disk does not survive the disk.`,
  },
  {
    id: 'privacy',
    title: 'Privacy',
    text: `- Your conversations are in this server's database, and nowhere else. The pages load nothing from other hosts: a picture from elsewhere is fetched by the server, when you ask for it.
- What you ask goes to the model server that answers. If that is a provider on the internet, its rules hold for what you send.
- Pictures, keys and settings stay on this server; passwords and keys are stored hashed or encrypted.
- Signing out removes your drafts and everything else of your conversations from this browser.`,
  },
];
