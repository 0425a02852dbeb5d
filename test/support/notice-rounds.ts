import { MOST_COUNTED } from "../../src/notify/provider.ts";
import { Random } from "../fuzz/random.ts";
import { fcmError } from "./fcm-endpoint.ts";
import { NoticeChannels, reach, say } from "./notice-channels.ts";
import { type ParleyProcess, startParley } from "./parley-process.ts";
import { untilTrue } from "./processes.ts";
import { answerOf, askAs } from "./server-api.ts";
import { TemporaryFolder } from "./temporary-folder.ts";
import { API_KEY } from "./tokens.ts";

/** Each of one sender and one absent recipient, who has a phone. */
const CONVERSATIONS = Array.from({ length: 8 }, (_, at) => `chat-${at}`);
/** A round ends with one of the first so many of these. */
const MOMENTS = { confirmed: 60, pushed: 25, called: 60 } as const;
type Moment = keyof typeof MOMENTS;
/** FCM refuses, for now, so much of what it is asked. */
const REFUSED = 0.15;
const PAGE = 100;

const senderOf = (id: string) => `sender-${id}`;
const recipientOf = (id: string) => `recipient-${id}`;
const phoneOf = (id: string) => `phone-${id}`;

interface Stored {
  readonly id: string;
  readonly seq: number;
}

/** What was sent, and what is wrong with what was told of it. */
export interface Findings {
  readonly confirmed: number;
  readonly faults: readonly string[];
}

/**
 * A server that is killed at random moments while it takes messages and tells of them: absent users by
 * FCM, which refuses now and then, and the app's back end.
 */
export class NoticeRounds implements AsyncDisposable {
  readonly #folder = new TemporaryFolder();
  readonly #random: Random;
  readonly #channels: NoticeChannels;
  readonly #confirmed = new Map<string, Stored[]>(CONVERSATIONS.map((id) => [id, []]));
  #server: ParleyProcess | null = null;
  #kills = 0;
  /** What is to happen how often until the server is killed. */
  #fuse: { readonly moment: Moment; left: number } | null = null;
  #killed: Promise<void> = Promise.resolve();

  private constructor(seed: number, channels: NoticeChannels) {
    this.#random = new Random(seed);
    this.#channels = channels;
    channels.google.answer = () => {
      this.#happened("pushed");
      return this.#random.chance(REFUSED) ? fcmError(500, "INTERNAL") : undefined;
    };
    channels.hook.answer = () => {
      this.#happened("called");
      return new Response(null, { status: 204 });
    };
  }

  static async start(seed: number): Promise<NoticeRounds> {
    const rounds = new NoticeRounds(seed, await NoticeChannels.start());
    await using server = stoppedAtEnd(await rounds.#start());
    for (const id of CONVERSATIONS) {
      await reach(server.process, recipientOf(id), "fcm", phoneOf(id));
    }
    return rounds;
  }

  /** All write until the server is killed. */
  async run(): Promise<void> {
    const server = await this.#start();
    const moment = this.#random.pick(["confirmed", "pushed", "called"] as const);
    this.#fuse = { moment, left: this.#random.between(1, MOMENTS[moment]) };
    this.#server = server;
    await Promise.all(CONVERSATIONS.map((id) => this.#write(server, id)));
    await this.#killed;
  }

  /** Lets the server tell what is left, and holds what was told against what it has stored. */
  async judge(): Promise<Findings> {
    await using server = stoppedAtEnd(await this.#start());
    const faults: string[] = [];
    const fault = (id: string, text: string) => faults.push(`${id}: ${text}`);
    for (const id of CONVERSATIONS) {
      const history = await historyOf(server.process, id);
      const last = history.at(-1)?.seq ?? 0;
      await untilTrue(() => this.#pushed(id).at(-1)?.seq === last).catch(() => {
        fault(id, `of ${last} the last notice is ${JSON.stringify(this.#pushed(id).at(-1))}`);
      });
      await untilTrue(() => this.#told(id).at(-1)?.seq === last).catch(() => {
        fault(id, `of ${last} the last event is ${JSON.stringify(this.#told(id).at(-1))}`);
      });
      this.#judge(history, id, (text) => fault(id, text));
    }
    if (this.#channels.hook.calls.some(({ isGenuine }) => !isGenuine)) faults.push("a signature");
    const confirmed = [...this.#confirmed.values()].reduce((sum, { length }) => sum + length, 0);
    return { confirmed, faults };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#channels[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }

  #judge(history: readonly Stored[], id: string, fault: (text: string) => void): void {
    const seqs = new Map(history.map((message) => [message.id, message.seq]));
    for (const message of this.#confirmed.get(id) ?? []) {
      if (seqs.get(message.id) !== message.seq) fault(`${message.seq} was confirmed, and is gone`);
    }
    const byKey = Map.groupBy(this.#pushed(id), ({ key }) => key);
    for (const [key, [first, ...again]] of byKey) {
      if (again.some(({ seq }) => seq !== first?.seq)) fault(`${key} has several messages`);
      // What was under way when the server was killed is sent again, and no more than that.
      if (again.length > this.#kills) fault(`${key} was sent ${again.length + 1} times`);
    }
    for (const { messageId, seq, count } of this.#pushed(id)) {
      if (seqs.get(messageId) !== seq) fault(`told of ${messageId}, which is not stored`);
      if (count !== Math.min(seq, MOST_COUNTED)) fault(`told that ${seq} messages are ${count}`);
    }
    const told = [...new Set(this.#told(id).map(({ seq }) => seq))];
    if (told.some((seq, at) => seq !== at + 1)) fault(`told the back end ${told}`);
  }

  /** Of the conversation, what FCM has taken. */
  #pushed(id: string) {
    return this.#channels.phone(phoneOf(id)).map(({ data }) => ({
      ...{ key: data.key ?? "", messageId: data.messageId ?? "" },
      ...{ seq: Number(data.seq), count: Number(data.count) },
    }));
  }

  /** Of the conversation, what the back end has taken. */
  #told(id: string) {
    return this.#channels
      .told("message.created", ({ conversationId }) => conversationId === id)
      .map(({ body }) => ({ seq: Number(body.data.seq) }));
  }

  async #write(server: ParleyProcess, id: string): Promise<void> {
    const isAlive = () => this.#server === server;
    for (let count = 1; isAlive(); count += 1) {
      try {
        const message = { content: `message ${count}`, recipientId: recipientOf(id) };
        const { id: messageId, seq } = await say(server, senderOf(id), id, message);
        this.#confirmed.get(id)?.push({ id: messageId, seq });
        this.#happened("confirmed");
      } catch (fault) {
        if (isAlive()) throw fault;
      }
    }
  }

  #happened(moment: Moment): void {
    if (this.#fuse?.moment !== moment) return;
    this.#fuse.left -= 1;
    if (this.#fuse.left > 0 || this.#server === null) return;
    this.#kills += 1;
    this.#killed = this.#server.kill();
    this.#server = null;
    this.#fuse = null;
  }

  #start(): Promise<ParleyProcess> {
    return startParley({
      dataDir: this.#folder.path,
      env: {
        ...{ ...this.#channels.env, PARLEY_API_KEYS: API_KEY, PARLEY_PRESENCE_GRACE_MS: "0" },
        ...{ PARLEY_NOTIFY_PUSH_INTERVAL_MS: "0", PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" },
      },
    });
  }
}

function stoppedAtEnd(process: ParleyProcess) {
  return {
    process,
    async [Symbol.asyncDispose]() {
      const code = await process.stop();
      if (code !== 0) throw new Error(`the server ended with ${code}`);
    },
  };
}

/** All that is stored of a conversation. */
async function historyOf(server: ParleyProcess, id: string): Promise<Stored[]> {
  const history: Stored[] = [];
  for (;;) {
    const after = history.at(-1)?.seq ?? 0;
    const path = `/api/conversations/${id}/messages?after=${after}&limit=${PAGE}`;
    const { status, body } = await answerOf(await askAs(server, senderOf(id), path));
    if (status === 404 || status === 403) return []; // It never came to its first message.
    history.push(...body.messages);
    if (body.messages.length < PAGE) return history;
  }
}
