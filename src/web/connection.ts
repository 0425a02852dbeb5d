import {
  Client,
  type IFrame,
  type IMessage,
  type StompSubscription,
  TickerStrategy,
} from "@stomp/stompjs";
import type { Draft } from "./conversation.ts";
import { credentials, type Identity } from "./identity.ts";
import {
  type Confirmation,
  type PreferencesChange,
  type PresenceStatus,
  type Problem,
  type ReadReceipt,
  readConfirmation,
  readMessage,
  readPreferencesChange,
  readPresence,
  readProblem,
  readProfile,
  readReceipt,
  readTyping,
  type TypingEvent,
  type UserPresence,
  type UserProfile,
  type WireMessage,
} from "./wire.ts";

export interface ConnectionListener {
  /** Every subscription stands; what is sent now arrives. */
  connected(): void;
  lost(): void;
  /** An ERROR frame; the connection ends with it. */
  failed(code: string, message: string): void;
  /** When it returns, the message is acknowledged. */
  message(message: WireMessage): void;
  confirmation(confirmation: Confirmation): void;
  /** By whichever of the user's devices. */
  preferences(change: PreferencesChange): void;
  receipt(receipt: ReadReceipt): void;
  problem(problem: Problem): void;
  typing(typing: TypingEvent): void;
  presence(user: UserPresence): void;
  profile(profile: UserProfile): void;
}

const HEARTBEAT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 10_000;
const RECONNECT_MS = 1_000;

/** STOMP over a WebSocket that comes back by itself. What is sent while it is down is dropped. */
export class Connection {
  readonly #client: Client;
  readonly #listener: ConnectionListener;
  readonly #userId: string;
  #typingIn: string | null = null;
  #typingSubscription: StompSubscription | null = null;

  constructor(identity: Identity, url: string, listener: ConnectionListener) {
    this.#listener = listener;
    this.#userId = identity.userId;
    this.#client = new Client({
      brokerURL: url,
      connectHeaders: credentials(identity),
      heartbeatIncoming: HEARTBEAT_MS,
      heartbeatOutgoing: HEARTBEAT_MS,
      // Timers of a hidden tab come too late for heart-beats, those of a worker do not.
      heartbeatStrategy: TickerStrategy.Worker,
      connectionTimeout: CONNECT_TIMEOUT_MS,
      reconnectDelay: usualDelayMs(),
      discardWebsocketOnCommFailure: true,
      onConnect: () => this.#onConnect(),
      onStompError: (frame) => this.#onError(frame),
      onWebSocketClose: () => {
        this.#typingSubscription = null;
        listener.lost();
      },
    });
  }

  open(): void {
    this.#client.activate();
  }

  close(): Promise<void> {
    return this.#client.deactivate();
  }

  /** The one conversation whose typing is told. */
  watchTyping(conversationId: string | null): void {
    if (conversationId === this.#typingIn) return;
    this.#typingIn = conversationId;
    if (!this.#client.connected) return;
    this.#typingSubscription?.unsubscribe();
    this.#subscribeTyping();
  }

  send({ composedAtMs, mentions, attachments, ...written }: Draft): void {
    this.#publish("/app/chat.send", {
      ...{ ...written, type: "TEXT" },
      ...(mentions.length > 0 && { mentions }),
      ...(attachments.length > 0 && { attachments: attachments.map(({ id }) => id) }),
    });
  }

  reportRead(messageId: string): void {
    this.#publish("/app/chat.read", { id: messageId });
  }

  reportTyping(conversationId: string, isTyping: boolean): void {
    this.#publish(`/app/chat.typing/${conversationId}`, { conversationId, isTyping });
  }

  announce(status: PresenceStatus): void {
    this.#publish("/app/user.presence", { status });
  }

  #onConnect(): void {
    const listener = this.#listener;
    this.#client.reconnectDelay = usualDelayMs();
    this.#subscribe("/user/queue/errors", readProblem, (it) => this.#onProblem(it));
    const asItIs = (body: unknown) => body;
    this.#subscribe("/user/queue/confirmations", asItIs, (it) => this.#onConfirmation(it));
    this.#subscribe("/user/queue/receipts", readReceipt, (it) => listener.receipt(it));
    this.#subscribe("/topic/presence", readPresence, (it) => listener.presence(it));
    this.#subscribe("/user/queue/profiles", readProfile, (it) => listener.profile(it));
    this.#subscribeTyping();
    // The last one: what was missed comes at once.
    const onMessage = (message: IMessage) => {
      listener.message(readMessage(JSON.parse(message.body)));
      message.ack();
    };
    this.#client.subscribe("/user/queue/messages", onMessage, { ack: "client" });
    this.#publish("/app/user.connect", { userId: this.#userId });
    listener.connected();
  }

  /** A server that stops tells each client another time to come back. */
  #onProblem(problem: Problem): void {
    const { code, retryAfterMs } = problem;
    if (code !== "SHUTTING_DOWN" || retryAfterMs === null) this.#listener.problem(problem);
    else this.#client.reconnectDelay = Math.max(1, retryAfterMs); // 0 is never.
  }

  #onConfirmation(body: unknown): void {
    const change = readPreferencesChange(body);
    if (change === null) this.#listener.confirmation(readConfirmation(body));
    else this.#listener.preferences(change);
  }

  #onError(frame: IFrame): void {
    const { code = "", message = "" } = frame.headers;
    this.#listener.failed(code, message);
  }

  #subscribeTyping(): void {
    const conversationId = this.#typingIn;
    this.#typingSubscription =
      conversationId === null
        ? null
        : this.#subscribe(`/topic/typing/${conversationId}`, readTyping, (it) =>
            this.#listener.typing(it),
          );
  }

  #subscribe<Body>(
    destination: string,
    read: (value: unknown) => Body,
    take: (body: Body) => void,
  ): StompSubscription {
    return this.#client.subscribe(destination, (message) => take(read(JSON.parse(message.body))));
  }

  #publish(destination: string, body: object): void {
    if (!this.#client.connected) return;
    const headers = { "content-type": "application/json" };
    this.#client.publish({ destination, body: JSON.stringify(body), headers });
  }
}

/** Each page has its own delay, so that not all of them return in the same moment. */
function usualDelayMs(): number {
  return RECONNECT_MS * (1 + Math.random());
}
