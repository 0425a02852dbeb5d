import type { Socket } from "bun";
import { z } from "zod";
import { HttpConnection } from "./dialects/http-connection.ts";
import { StompClient } from "./stomp-client.ts";

/** How a user's messages may come to them. */
export const WAYS = ["nobody listens", "polling", "long polling", "SSE", "WebSocket"] as const;
export type Way = (typeof WAYS)[number];

/** What people mean when they say that polling is enough. */
const POLL_EVERY_MS = 1_000;
const WAIT_SECONDS = 25;

export interface Listening {
  close(): void;
}

export interface ListenOptions {
  readonly port: number;
  readonly userId: string;
  /** What came, as text: events, frames, or parts of them. */
  readonly onText: (text: string) => void;
  readonly onFault: (fault: unknown) => void;
}

/** Resolves when the user hears of what happens from now on. */
export function listen(way: Way, options: ListenOptions): Promise<Listening> {
  switch (way) {
    case "nobody listens":
      return Promise.resolve({ close: () => {} });
    case "polling":
      return poll(options, 0, POLL_EVERY_MS);
    case "long polling":
      return poll(options, WAIT_SECONDS, 0);
    case "SSE":
      return stream(options);
    case "WebSocket":
      return subscribe(options);
  }
}

const polledSchema = z.object({ cursor: z.string(), events: z.array(z.unknown()) });

async function poll(
  { port, userId, onText, onFault }: ListenOptions,
  waitSeconds: number,
  everyMs: number,
): Promise<Listening> {
  const http = await HttpConnection.open(port);
  let isClosed = false;
  let cursor = "";
  const ask = async (wait: number) => {
    const path = `/api/events?wait=${wait}${cursor}`;
    const { status, body } = await http.request("GET", path, [`X-User-Id: ${userId}`]);
    if (status !== 200) throw new Error(`${status} ${body}`);
    const answer = polledSchema.parse(JSON.parse(body));
    cursor = `&cursor=${answer.cursor}`;
    if (answer.events.length > 0) onText(body);
  };
  const askOn = async () => {
    await Bun.sleep(Math.random() * everyMs); // Users do not ask all at once.
    while (!isClosed) {
      const dueMs = performance.now() + everyMs;
      await ask(waitSeconds);
      if (everyMs > 0) await Bun.sleep(Math.max(0, dueMs - performance.now()));
    }
  };
  await ask(0);
  askOn().catch((fault: unknown) => {
    if (!isClosed) onFault(fault);
  });
  return {
    close() {
      isClosed = true;
      http.close();
    },
  };
}

/** Of a stream nothing is looked at but what the events say: no message is longer than a packet. */
async function stream({ port, userId, onText, onFault }: ListenOptions): Promise<Listening> {
  const ready = Promise.withResolvers<void>();
  let isClosed = false;
  const ended = (reason: string) => {
    if (isClosed) return;
    ready.reject(new Error(reason));
    onFault(new Error(reason));
  };
  const socket: Socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(_socket, bytes) {
        const text = bytes.toString("latin1");
        if (text.includes("event: ready")) ready.resolve();
        onText(text);
      },
      close: () => ended("the stream ended"),
      error: (_socket, fault) => ended(fault.message),
    },
  });
  socket.write(
    `GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX-User-Id: ${userId}\r\n\r\n`,
  );
  await ready.promise;
  return {
    close() {
      isClosed = true;
      socket.end();
    },
  };
}

async function subscribe({ port, userId, onText, onFault }: ListenOptions): Promise<Listening> {
  const client = await StompClient.connect({
    ...{ port, userId, heartBeat: "0,0" },
    onMessage: (bytes, start, end) => onText(bytes.toString("latin1", start, end)),
    onLost: onFault,
  });
  await client.subscribe({ m: "/user/queue/messages" });
  return client;
}
