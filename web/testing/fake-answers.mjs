// What the fake model says. Everything an answer can contain stands here.

export const RICH = `Here is a short comparison.

## Choosing a database

| | PostgreSQL | SQLite |
|---|---|---|
| Runs as | a server | a library |
| Writers at once | many | one |
| Good for | services | apps, small sites |

A few points that decide it:

1. **Concurrency**: many writers want PostgreSQL.
2. **Operations**: SQLite is *one file*, backed up by copying it.
   - with \`VACUUM INTO\`, even while it runs
3. Both speak SQL, see [the manual](https://www.postgresql.org/docs/).

\`\`\`python
def choose(writers: int, network: bool) -> str:
    """Say which database fits."""
    if network or writers > 1:
        return "postgresql"
    return "sqlite"  # one file is enough
\`\`\`

> When in doubt, start with what you can operate.

한국어도 문제없이 보입니다. 두 데이터베이스 모두 훌륭합니다.`;

export const THINKING = `The person asks for a comparison. A table says most of it.
I should mention concurrency, and end with advice.`;
