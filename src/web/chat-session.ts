import { Api, ApiError } from "./api.ts";
import { attemptWith } from "./attempts.ts";
import { Connection, type ConnectionListener } from "./connection.ts";
import { hasGap, isReachable, peerOf } from "./conversation.ts";
import { ConversationList } from "./conversation-list.ts";
import { GroupActions } from "./group-actions.ts";
import { HistoryLoader } from "./history-loader.ts";
import { directId, type Identity } from "./identity.ts";
import { newUuid } from "./ids.ts";
import { MessageActions } from "./message-actions.ts";
import { Outbox } from "./outbox.ts";
import { Outgoing } from "./outgoing.ts";
import { PresenceLoader } from "./presence-loader.ts";
import { Reading } from "./reading.ts";
import { Store } from "./store.ts";
import { backOffMs, browserTimers } from "./timers.ts";
import { TypingSignal } from "./typing-signal.ts";
import type {
  Confirmation,
  PreferencesChange,
  Problem,
  ReadReceipt,
  TypingEvent,
  UserPresence,
  WireMessage,
} from "./wire.ts";

const NOTICE_MS = 6_000;

/** They change the list of the pinned messages, or what it shows. */
const PIN_EVENTS = new Set(["MESSAGE_PINNED", "MESSAGE_UNPINNED"]);
const CONTENT_EVENTS = new Set(["MESSAGE_EDITED", "MESSAGE_DELETED"]);

const SIGN_IN_AGAIN = new Set([
  "AUTHENTICATION_REQUIRED",
  "AUTHENTICATION_FAILED",
  "TOKEN_EXPIRED",
  "TOKEN_REVOKED",
]);

export interface ChatSessionOptions {
  readonly identity: Identity;
  readonly url: string;
  readonly storage: Storage;
  readonly isVisible: boolean;
  /** The server does not take this identity; the session is over. */
  readonly onRefused: (message: string) => void;
}

/** One signed-in user at one tab: keeps the state in step with the server. */
export class ChatSession implements ConnectionListener {
  readonly store: Store;
  readonly groups: GroupActions;
  readonly messages: MessageActions;
  readonly #userId: string;
  readonly #onRefused: (message: string) => void;
  readonly #connection: Connection;
  readonly #outgoing: Outgoing;
  readonly #history: HistoryLoader;
  readonly #presence: PresenceLoader;
  readonly #list: ConversationList;
  readonly #typing: TypingSignal;
  readonly #reading: Reading;
  #isVisible: boolean;
  #notices = 0;
  #refreshFailures = 0;
  #cancelRefresh: (() => void) | null = null;

  constructor({ identity, url, storage, isVisible, onRefused }: ChatSessionOptions) {
    this.#userId = identity.userId;
    this.#onRefused = onRefused;
    this.#isVisible = isVisible;
    this.store = new Store(identity.userId);
    const api = new Api(identity);
    const attempt = attemptWith(onRefused);
    this.#connection = new Connection(identity, url, this);
    const parts = {
      api,
      attempt,
      userId: identity.userId,
      notify: this.notify,
      state: this.store.state,
      dispatch: this.store.dispatch,
      schedule: browserTimers,
      now: Date.now,
      onPage: (messages: readonly WireMessage[]) => this.#outgoing.stored(messages),
      onFault: (fault: unknown) => this.#fault(fault),
    };
    this.#outgoing = new Outgoing({
      ...parts,
      outbox: new Outbox(storage, identity.userId),
      publish: (draft) => this.#connection.send(draft),
      newId: newUuid,
    });
    this.#list = new ConversationList(parts);
    this.#history = new HistoryLoader({ ...parts, listed: (id) => this.#list.find(id) });
    this.groups = new GroupActions({ ...parts, list: this.#list });
    this.messages = new MessageActions({ ...parts, history: this.#history });
    this.#presence = new PresenceLoader(parts);
    this.#reading = new Reading({
      ...parts,
      isVisible: () => this.#isVisible,
      report: (id) => this.#connection.reportRead(id),
    });
    this.#typing = new TypingSignal(
      (conversationId, isTyping) => this.#reportTyping(conversationId, isTyping),
      browserTimers,
      Date.now,
    );
  }

  start(): void {
    this.store.subscribe(this.#reading.look);
    this.#outgoing.resume();
    this.#connection.open();
  }

  async stop(): Promise<void> {
    this.#typing.stopped();
    this.#outgoing.offline();
    this.#cancelRefresh?.();
    this.#reading.close();
    await this.#connection.close();
  }

  /** null: none is open. */
  open(conversationId: string | null): void {
    this.#typing.stopped();
    if (conversationId === null) {
      this.store.dispatch({ kind: "conversation-closed" });
    } else {
      this.store.dispatch({ kind: "conversation-opened", conversationId });
    }
    const { openId, link } = this.store.state();
    this.#connection.watchTyping(openId);
    if (openId !== null && link === "online") this.#loadOpen(openId);
  }

  /** The id of the direct conversation with that user. */
  conversationWith(peerId: string): string {
    return directId(this.#userId, peerId);
  }

  /** false: it cannot be sent, and the user has been told why. */
  send(conversationId: string, content: string, replyTo: string | null): boolean {
    const conversation = this.store.state().conversations[conversationId];
    if (conversation === undefined || content === "") return false;
    this.#typing.stopped();
    const recipientId = peerOf(conversation, this.#userId);
    return this.#outgoing.compose({ conversationId, recipientId, content, replyTo });
  }

  readonly retry = (clientMessageId: string): void => this.#outgoing.retry(clientMessageId);

  readonly discard = (clientMessageId: string): void => this.#outgoing.discard(clientMessageId);

  typed(conversationId: string): void {
    this.#typing.typed(conversationId);
  }

  readonly typingStopped = (): void => this.#typing.stopped();

  loadOlder(conversationId: string): void {
    this.#history.older(conversationId).catch((fault: unknown) => this.#fault(fault));
  }

  /** The next page of the list of conversations. */
  readonly loadMore = (isArchived: boolean): void => {
    this.#list.more(isArchived).catch((fault: unknown) => this.#fault(fault));
  };

  /** Names of users who are shown. */
  learnNames(userIds: readonly string[]): void {
    const { people } = this.store.state();
    this.#presence.ask(userIds.filter((userId) => people[userId] === undefined));
  }

  readonly dismiss = (noticeId: number): void =>
    this.store.dispatch({ kind: "notice-dismissed", id: noticeId });

  /** Says something to the user, for a while. */
  readonly notify = (text: string): void => {
    this.#notices += 1;
    const id = this.#notices;
    this.store.dispatch({ kind: "notice-shown", notice: { id, text } });
    browserTimers(NOTICE_MS, () => this.dismiss(id));
  };

  setVisible(isVisible: boolean): void {
    if (isVisible === this.#isVisible) return;
    this.#isVisible = isVisible;
    this.#connection.announce(isVisible ? "ONLINE" : "AWAY");
    this.#reading.look();
  }

  // What the connection tells.

  connected(): void {
    this.store.dispatch({ kind: "link-changed", link: "online" });
    if (!this.#isVisible) this.#connection.announce("AWAY");
    this.#outgoing.online();
    this.#refreshFailures = 0;
    this.#refresh();
  }

  lost(): void {
    this.#outgoing.offline();
    this.#cancelRefresh?.();
    this.#cancelRefresh = null;
    this.store.dispatch({ kind: "link-changed", link: "offline" });
  }

  failed(code: string, message: string): void {
    if (SIGN_IN_AGAIN.has(code)) this.#onRefused(message);
    else this.#outgoing.connectionFailed(code, message);
  }

  message(message: WireMessage): void {
    const { conversationId, recipientId } = message;
    const known = this.store.state().conversations[conversationId];
    this.store.dispatch({ kind: "message-arrived", message });
    // A group's members stand in the list only.
    if (known === undefined && recipientId === null) this.#refresh();
    const conversation = this.store.state().conversations[conversationId];
    if (conversation && hasGap(conversation)) this.#history.mend(conversationId);
    if (conversation?.isLoaded && changesPins(conversation.pins, message)) {
      this.#loadPins(conversationId);
    }
  }

  confirmation(confirmation: Confirmation): void {
    this.store.dispatch({ kind: "message-confirmed", confirmation });
    const { clientMessageId } = confirmation;
    if (clientMessageId !== null) this.#outgoing.confirmed(clientMessageId);
  }

  preferences(change: PreferencesChange): void {
    this.store.dispatch({ kind: "preferences-changed", change });
  }

  receipt(receipt: ReadReceipt): void {
    const { conversationId, seq, readerId } = receipt;
    if (readerId === this.#userId) {
      this.store.dispatch({ kind: "read-reported", conversationId, seq }); // By another device.
    } else {
      this.store.dispatch({ kind: "messages-read", receipt });
    }
  }

  typing(typing: TypingEvent): void {
    this.store.dispatch({ kind: "typing-changed", typing });
  }

  presence(user: UserPresence): void {
    const isStranger = this.store.state().people[user.userId] === undefined;
    this.store.dispatch({ kind: "presence-changed", user, atMs: Date.now() });
    if (isStranger) this.#presence.ask([user.userId]);
    // Another tab of the user was hidden while this one is being looked at.
    const isMe = user.userId === this.#userId;
    if (isMe && user.status !== "ONLINE" && this.#isVisible) this.#connection.announce("ONLINE");
  }

  problem(problem: Problem): void {
    const { code, message, destination, clientMessageId } = problem;
    if (clientMessageId !== null) this.#outgoing.refused(problem, clientMessageId);
    else if (code === "TOKEN_EXPIRING") this.notify("You will soon have to sign in again.");
    else if (!isOfNewConversation(code, destination)) this.notify(message);
  }

  /** Everything that may have changed while nobody listened. */
  #refresh(): void {
    this.#catchUp()
      .then(() => {
        this.#refreshFailures = 0;
      })
      .catch((fault: unknown) => this.#fault(fault));
  }

  async #catchUp(): Promise<void> {
    const conversations = await this.#list.refresh();
    this.#outgoing.stored(conversations.flatMap(({ lastMessage }) => lastMessage ?? []));
    const { openId } = this.store.state();
    if (openId !== null) this.#loadOpen(openId);
    await this.#presence.everybodyOnline();
    const state = this.store.state();
    const peers = Object.values(state.conversations).flatMap(
      (conversation) => peerOf(conversation, this.#userId) ?? [],
    );
    this.#presence.ask(peers.filter((id) => (state.people[id]?.status ?? "OFFLINE") === "OFFLINE"));
    for (const { id, isLoaded } of Object.values(state.conversations)) {
      if (isLoaded && id !== openId) await this.#history.fill(id);
    }
  }

  #loadOpen(conversationId: string): void {
    const conversation = this.store.state().conversations[conversationId];
    if (conversation === undefined) return;
    const peer = peerOf(conversation, this.#userId);
    if (peer !== null && this.store.state().people[peer] === undefined) this.#presence.ask([peer]);
    const loaded = conversation.isLoaded
      ? this.#history.fill(conversationId)
      : this.#history.open(conversationId);
    loaded.then(() => this.#loadPins(conversationId)).catch((fault: unknown) => this.#fault(fault));
  }

  #loadPins(conversationId: string): void {
    const conversation = this.store.state().conversations[conversationId];
    if (conversation === undefined || !isReachable(conversation)) return;
    this.messages.loadPins(conversationId).catch((fault: unknown) => this.#fault(fault));
  }

  /** A request failed. What may succeed later is asked again, together with all the rest. */
  #fault(fault: unknown): void {
    if (fault instanceof ApiError && fault.status === 401) {
      this.#onRefused(fault.message);
      return;
    }
    const isFinal = fault instanceof ApiError && fault.status < 500 && fault.status !== 429;
    if (isFinal) this.notify(fault.message);
    if (isFinal || this.store.state().link !== "online" || this.#cancelRefresh !== null) return;
    this.#refreshFailures += 1;
    this.#cancelRefresh = browserTimers(backOffMs(this.#refreshFailures), () => {
      this.#cancelRefresh = null;
      this.#refresh();
    });
  }

  #reportTyping(conversationId: string, isTyping: boolean): void {
    const conversation = this.store.state().conversations[conversationId];
    // Before the first message is with the server there is nobody to tell.
    if (conversation?.messages.some(({ seq }) => seq !== null) !== true) return;
    this.#connection.reportTyping(conversationId, isTyping);
  }
}

function changesPins(pins: readonly WireMessage[], { event }: WireMessage): boolean {
  if (event === null) return false;
  if (PIN_EVENTS.has(event.type)) return true;
  return CONTENT_EVENTS.has(event.type) && pins.some(({ id }) => id === event.messageId);
}

/** A conversation begins with its first message; what waits for it begins then by itself. */
function isOfNewConversation(code: string, destination: string): boolean {
  const isTyping =
    destination.startsWith("/topic/typing/") || destination.startsWith("/app/chat.typing/");
  return code === "CONVERSATION_NOT_FOUND" && isTyping;
}
