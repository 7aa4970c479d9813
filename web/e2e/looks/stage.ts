import { once } from 'node:events';
import { createServer, type Server as HttpServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const MODEL = 'qwen3:14b';

/** What is asked in the pictures, and the answers: written for them. */
export const QUESTIONS = {
  fit: {
    question: 'Fit a line to (1, 2.1), (2, 3.9), (3, 6.2), and show how.',
    title: 'Least squares for three points',
    answer: `Least squares minimises $\\sum_i (y_i - a x_i - b)^2$, which gives

$$a = \\frac{\\sum (x_i - \\bar x)(y_i - \\bar y)}{\\sum (x_i - \\bar x)^2}, \\qquad b = \\bar y - a\\,\\bar x.$$

| $x$ | $y$ | fitted | residual |
|---:|---:|---:|---:|
| 1 | 2.1 | 2.02 | 0.08 |
| 2 | 3.9 | 4.07 | −0.17 |
| 3 | 6.2 | 6.12 | 0.08 |

So **y = 2.05 x − 0.03**. In Rust:

\`\`\`rust
fn fit(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let n = points.len() as f64;
    let (mx, my) = points.iter().fold((0.0, 0.0), |(x, y), p| (x + p.0 / n, y + p.1 / n));
    let var: f64 = points.iter().map(|p| (p.0 - mx).powi(2)).sum();
    let cov: f64 = points.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum();
    (var > 0.0).then(|| (cov / var, my - cov / var * mx))
}
\`\`\`
`,
  },
  walk: {
    question: '비 오는 날 서울에서 걷기 좋은 곳 두 군데만 알려줘.',
    title: '비 오는 날 걷기 좋은 곳',
    answer: `비가 와도 걷기 좋은 두 곳입니다.

1. **창덕궁 돌담길** – 처마와 나무가 비를 어느 정도 막아 주고, 비에 젖은 돌담이 아름답습니다.
2. **서울식물원 온실** – 실내라서 우산 없이도 한 시간쯤 천천히 걸을 수 있습니다.

> 돌담길은 미끄러우니 밑창이 거친 신발이 좋습니다.
`,
  },
  letter: {
    question: 'Make this friendlier: "Your report is late."',
    title: 'A friendlier reminder',
    answer:
      'I was looking forward to your report. Is there anything that I can help with so that it gets here this week?',
  },
  backup: {
    question: 'What do I check before I trust a backup?',
    title: 'Before trusting a backup',
    answer: 'That it restores. Everything else is a hint.',
  },
} as const;

function answerTo(prompt: string): string {
  const found = Object.values(QUESTIONS).find(({ question }) => prompt.includes(question));
  if (!found) return 'I have no answer to that.';
  return prompt.startsWith('Write a title') ? found.title : found.answer;
}

interface Asked {
  messages: { role: string; content: unknown }[];
}

function stream(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const send = (data: object) => response.write(`data: ${JSON.stringify(data)}\n\n`);
  for (const content of text.match(/.{1,40}/gs) ?? []) send({ choices: [{ delta: { content } }] });
  const usage = { prompt_tokens: 182, completion_tokens: 311, total_tokens: 493 };
  send({ choices: [{ delta: {}, finish_reason: 'stop' }], usage });
  response.end('data: [DONE]\n\n');
}

/** A model server, by OpenAI's protocol, that knows what the pictures show. */
export class Stage {
  private constructor(private readonly server: HttpServer) {}

  static async open(): Promise<Stage> {
    const server = createServer(async (request, response) => {
      if (request.url?.endsWith('/models')) {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ object: 'list', data: [{ id: MODEL, object: 'model' }] }));
        return;
      }
      if (!request.url?.endsWith('/chat/completions')) {
        response.writeHead(404).end();
        return;
      }
      let body = '';
      for await (const chunk of request) body += chunk;
      const { messages } = JSON.parse(body) as Asked;
      const last = messages.at(-1)?.content;
      stream(response, answerTo(typeof last === 'string' ? last : JSON.stringify(last)));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Stage(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
