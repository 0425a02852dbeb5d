/** What a push service can be to the server. */
export type PushService = "answers" | "hangs";

export interface RunningPushService {
  readonly url: string;
  /** Pushes that came. */
  readonly count: number;
  stop(): void;
}

/** Takes pushes without looking at them, or takes the connection and never says a word. */
export function startPushService(how: PushService): RunningPushService {
  let count = 0;
  if (how === "answers") {
    const server = Bun.serve({
      ...{ port: 0, hostname: "127.0.0.1" },
      async fetch(request) {
        await request.arrayBuffer();
        count += 1;
        return new Response(null, { status: 201 });
      },
    });
    return {
      url: `http://127.0.0.1:${server.port}`,
      get count() {
        return count;
      },
      stop: () => void server.stop(true),
    };
  }
  const listener = Bun.listen({
    ...{ port: 0, hostname: "127.0.0.1" },
    socket: {
      open() {
        count += 1;
      },
      data() {},
    },
  });
  return {
    url: `http://127.0.0.1:${listener.port}`,
    get count() {
      return count;
    },
    stop: () => listener.stop(true),
  };
}
