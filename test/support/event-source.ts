import type { Event } from "./stock-client.ts";

export interface ReceivedEvent {
  readonly name: string;
  readonly data: Event;
  /** The last id that came, with this event or before it. */
  readonly id: string;
}

export interface EventSourceOptions {
  /** Where the server is now: it may come back on another port. */
  readonly url: () => string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of an event that it has, if it is not new. */
  readonly lastEventId?: string;
}

/** Browsers wait as long as they are told; tests need not. */
const LONGEST_WAIT_MS = 20;

/**
 * An EventSource as the HTML standard has it (§9.2): it reads the stream, and comes back by itself
 * with `Last-Event-ID` until it is refused. Beyond the standard it sends headers.
 */
export class EventSourceClient {
  readonly events: ReceivedEvent[] = [];
  /** Streams that were opened. */
  opens = 0;
  comments = 0;
  retryMs: number | null = null;
  /** The status that it was refused with, for good. */
  refusedWith: number | null = null;
  lastEventId: string;
  readonly #options: EventSourceOptions;
  readonly #abort = new AbortController();
  #waiting: (() => void)[] = [];

  constructor(options: EventSourceOptions) {
    this.#options = options;
    this.lastEventId = options.lastEventId ?? "";
    void this.#run();
  }

  named(name: string): Event[] {
    return this.events.filter((event) => event.name === name).map(({ data }) => data);
  }

  /** The contents of the messages. */
  get contents(): unknown[] {
    return this.named("message").map(({ content }) => content);
  }

  /** Resolves when what came satisfies the condition. */
  async until(isReached: () => boolean, what = "the condition"): Promise<void> {
    const late = AbortSignal.timeout(20_000);
    while (!isReached()) {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.push(resolve);
        late.onabort = () => {
          const told = { events: this.events, opens: this.opens, refused: this.refusedWith };
          reject(new Error(`waited for ${what}; ${JSON.stringify(told)}`));
        };
      });
    }
    late.onabort = null;
  }

  /** All that was missed has come, the so-manieth time. */
  async ready(times = 1): Promise<void> {
    await this.until(() => this.named("ready").length >= times, "ready");
  }

  close(): void {
    this.#abort.abort();
  }

  async #run(): Promise<void> {
    while (!this.#abort.signal.aborted && this.refusedWith === null) {
      try {
        await this.#connect();
      } catch {
        // The connection was lost, or there is no server now.
      }
      this.#wake();
      await Bun.sleep(Math.min(this.retryMs ?? LONGEST_WAIT_MS, LONGEST_WAIT_MS));
    }
  }

  async #connect(): Promise<void> {
    const { url, headers } = this.#options;
    const known = this.lastEventId === "" ? {} : { "Last-Event-ID": this.lastEventId };
    const response = await fetch(url(), {
      headers: { ...headers, ...known, Accept: "text/event-stream" },
      signal: this.#abort.signal,
    });
    const isStream = response.headers.get("content-type")?.startsWith("text/event-stream");
    if (response.status !== 200 || isStream !== true || response.body === null) {
      this.refusedWith = response.status;
      return;
    }
    this.opens += 1;
    const decoder = new TextDecoder();
    const parser = new Parser(this);
    for await (const bytes of response.body) {
      parser.push(decoder.decode(bytes, { stream: true }));
      this.#wake();
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** [HTML §9.2.6 Interpreting an event stream] */
class Parser {
  readonly #client: EventSourceClient;
  #rest = "";
  #data: string[] = [];
  #name = "";
  #id: string;

  constructor(client: EventSourceClient) {
    this.#client = client;
    this.#id = client.lastEventId;
  }

  push(text: string): void {
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    if (line === "") {
      this.#dispatch();
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) {
      this.#client.comments += 1;
      return;
    }
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#name = value;
    else if (field === "id") this.#id = value;
    else if (field === "retry" && /^\d+$/.test(value)) this.#client.retryMs = Number(value);
  }

  #dispatch(): void {
    this.#client.lastEventId = this.#id;
    if (this.#data.length > 0) {
      const data: Event = JSON.parse(this.#data.join("\n"));
      this.#client.events.push({ name: this.#name || "message", data, id: this.#id });
    }
    this.#data = [];
    this.#name = "";
  }
}
