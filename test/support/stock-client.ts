import { Client, type IMessage, type StompConfig } from "@stomp/stompjs";
import SockJS from "sockjs-client";
import type { ParleyProcess } from "./parley-process.ts";

export type Event = Record<string, unknown>;

/** How the stock client reaches the server. */
export type Via = "websocket" | "binary" | "sockjs" | "xhr-streaming" | "xhr-polling";

/** A stock `@stomp/stompjs` client that remembers what it got, by destination. */
export class StockClient {
  readonly #got = new Map<string, Event[]>();
  #waiting: (() => void)[] = [];
  connects = 0;
  readonly errors: string[] = [];
  readonly closes: number[] = [];

  constructor(
    readonly userId: string,
    readonly stomp: Client,
  ) {
    stomp.onStompError = (frame) => this.#note(() => this.errors.push(frame.headers.code ?? ""));
    stomp.onWebSocketClose = (event: CloseEvent) => this.#note(() => this.closes.push(event.code));
  }

  subscribe(destination: string, headers: Record<string, string> = {}): void {
    this.stomp.subscribe(destination, (message) => this.take(destination, message), headers);
  }

  /** Subscribes and resolves when the server has it. */
  async subscribed(destination: string, headers: Record<string, string> = {}): Promise<void> {
    await this.#receipted((receipt) => this.subscribe(destination, { ...headers, receipt }));
  }

  take(destination: string, message: IMessage): void {
    this.#note(() => this.got(destination).push(JSON.parse(message.body)));
  }

  send(destination: string, body: object, headers: Record<string, string> = {}): void {
    this.stomp.publish({ destination, body: JSON.stringify(body), headers });
  }

  /** Resolves with the RECEIPT. */
  async sent(destination: string, body: object): Promise<void> {
    await this.#receipted((receipt) => this.send(destination, body, { receipt }));
  }

  /** Everything that came on the destination. */
  got(destination: string): Event[] {
    const events = this.#got.get(destination) ?? [];
    this.#got.set(destination, events);
    return events;
  }

  /** Resolves when what the client got and lived through satisfies the condition. */
  async until(isReached: () => boolean, what = "the condition"): Promise<void> {
    const late = AbortSignal.timeout(20_000);
    while (!isReached()) {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.push(resolve);
        late.onabort = () =>
          reject(
            new Error(`${this.userId} waited for ${what}; got ${JSON.stringify([...this.#got])}`),
          );
      });
    }
    late.onabort = null;
  }

  /** The first event there that satisfies the condition. */
  async event(
    destination: string,
    matches: (event: Event) => boolean = () => true,
  ): Promise<Event> {
    await this.until(() => this.got(destination).some(matches), `an event on ${destination}`);
    return this.got(destination).find(matches) ?? {};
  }

  async count(destination: string, count: number): Promise<Event[]> {
    await this.until(() => this.got(destination).length >= count, `${count} on ${destination}`);
    return this.got(destination);
  }

  /** Something of the client's own happened. */
  note(): void {
    this.#note(() => {});
  }

  async close(): Promise<void> {
    await this.stomp.deactivate();
  }

  #receipts = 0;

  async #receipted(act: (receipt: string) => void): Promise<void> {
    this.#receipts += 1;
    const receipt = `${this.userId}-${this.#receipts}`;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.stomp.watchForReceipt(receipt, () => resolve());
    act(receipt);
    await promise;
  }

  #note(change: () => void): void {
    change();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** The configuration of a Spring-style front end, for one of the transports. */
export function springStyleConfig(server: ParleyProcess, userId: string, via: Via): StompConfig {
  const socket =
    via === "websocket" || via === "binary"
      ? { brokerURL: server.wsUrl, forceBinaryWSFrames: via === "binary" }
      : { webSocketFactory: () => new SockJS(`${server.url}/ws`, null, sockJsOptions(via)) };
  return {
    ...socket,
    connectHeaders: { "X-User-Id": userId },
    heartbeatIncoming: 10_000,
    heartbeatOutgoing: 10_000,
    reconnectDelay: 100,
  };
}

/** Without a transport of its own the client chooses the best one, a WebSocket. */
function sockJsOptions(via: Exclude<Via, "websocket" | "binary">) {
  return via === "sockjs" ? {} : { transports: [via] };
}

/** Connects, and runs `onConnect` at each connect as front ends do. */
export async function connectStock(
  server: ParleyProcess,
  userId: string,
  options: { via?: Via; config?: StompConfig; onConnect?: (client: StockClient) => void } = {},
): Promise<StockClient> {
  const base = springStyleConfig(server, userId, options.via ?? "websocket");
  const stomp = new Client({ ...base, ...options.config });
  const client = new StockClient(userId, stomp);
  const { promise, resolve } = Promise.withResolvers<void>();
  stomp.onConnect = () => {
    client.connects += 1;
    options.onConnect?.(client);
    client.note();
    resolve();
  };
  stomp.activate();
  await promise;
  return client;
}

/** A stock client with the usual subscriptions. */
export async function joinStock(server: ParleyProcess, userId: string): Promise<StockClient> {
  const client = await connectStock(server, userId);
  await subscribeAll(client);
  return client;
}

/** The five usual subscriptions of a front end. */
export async function subscribeAll(client: StockClient): Promise<void> {
  const { userId } = client;
  await Promise.all([
    client.subscribed(`/user/${userId}/queue/messages`),
    client.subscribed(`/user/${userId}/queue/confirmations`),
    client.subscribed(`/user/${userId}/queue/receipts`),
    client.subscribed(`/user/${userId}/queue/errors`),
    client.subscribed("/topic/presence"),
  ]);
}
