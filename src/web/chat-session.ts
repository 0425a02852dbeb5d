import { Api } from "./api.ts";
import { attemptWith } from "./attempts.ts";
import type { BrowserPush } from "./browser-push.ts";
import { Connection, type ConnectionListener } from "./connection.ts";
import { type Draft, hasGap, peerOf } from "./conversation.ts";
import { ConversationList } from "./conversation-list.ts";
import { FileLinks } from "./file-links.ts";
import { Finding } from "./finding.ts";
import { GroupActions } from "./group-actions.ts";
import { HistoryLoader } from "./history-loader.ts";
import { directId, type Identity } from "./identity.ts";
import { newUuid } from "./ids.ts";
import { Loading } from "./loading.ts";
import { MessageActions } from "./message-actions.ts";
import { changesPins, nextExpiryMs } from "./message-events.ts";
import { NextDue } from "./next-due.ts";
import { Notices } from "./notices.ts";
import { Notifications } from "./notifications.ts";
import { NotificationsApi } from "./notifications-api.ts";
import { Outbox } from "./outbox.ts";
import { Outgoing } from "./outgoing.ts";
import { PresenceLoader } from "./presence-loader.ts";
import { ProfileLoader } from "./profile-loader.ts";
import { Reading } from "./reading.ts";
import { Refreshing } from "./refreshing.ts";
import { Requests } from "./requests.ts";
import { Store } from "./store.ts";
import { browserTimers } from "./timers.ts";
import { TypingSignal } from "./typing-signal.ts";
import { Uploads } from "./uploads.ts";
import type {
  Confirmation,
  PreferencesChange,
  Problem,
  ReadReceipt,
  TypingEvent,
  UserPresence,
  UserProfile,
  WireMessage,
} from "./wire.ts";

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
  readonly browser: BrowserPush;
  readonly isVisible: boolean;
  /** The server does not take this identity; the session is over. */
  readonly onRefused: (message: string) => void;
}

/** One signed-in user at one tab: keeps the state in step with the server. */
export class ChatSession implements ConnectionListener {
  readonly store: Store;
  readonly groups: GroupActions;
  readonly messages: MessageActions;
  readonly finding: Finding;
  readonly profiles: ProfileLoader;
  readonly uploads: Uploads;
  readonly files: FileLinks;
  readonly notifications: Notifications;
  /** Says something to the user, for a while. */
  readonly notify: (text: string) => void;
  readonly dismiss: (noticeId: number) => void;
  readonly #userId: string;
  readonly #onRefused: (message: string) => void;
  readonly #connection: Connection;
  readonly #outgoing: Outgoing;
  readonly #history: HistoryLoader;
  readonly #presence: PresenceLoader;
  readonly #list: ConversationList;
  readonly #loading: Loading;
  readonly #typing: TypingSignal;
  readonly #reading: Reading;
  readonly #disappearing: NextDue;
  readonly #refreshing: Refreshing;
  #isVisible: boolean;

  constructor(options: ChatSessionOptions) {
    const { identity, url, storage, browser, isVisible, onRefused } = options;
    this.#userId = identity.userId;
    this.#onRefused = onRefused;
    this.#isVisible = isVisible;
    this.store = new Store(identity.userId);
    const requests = new Requests(identity);
    const api = new Api(requests);
    const attempt = attemptWith(onRefused);
    const notices = new Notices(this.store.dispatch, browserTimers);
    this.notify = notices.show;
    this.dismiss = notices.dismiss;
    this.#connection = new Connection(identity, url, this);
    this.#refreshing = new Refreshing({
      ...{ onRefused, notify: notices.show, schedule: browserTimers },
      refresh: () => this.#loading.everything(),
      isOnline: () => this.store.state().link === "online",
    });
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
      onFault: this.#refreshing.fault,
      newId: newUuid,
    };
    this.#outgoing = new Outgoing({
      ...parts,
      outbox: new Outbox(storage, identity.userId),
      publish: (draft) => this.#connection.send(draft),
    });
    this.#list = new ConversationList(parts);
    this.#history = new HistoryLoader({ ...parts, listed: (id) => this.#list.find(id) });
    this.groups = new GroupActions({ ...parts, list: this.#list });
    this.messages = new MessageActions({ ...parts, history: this.#history });
    this.finding = new Finding({
      ...{ ...parts, messages: this.messages },
      reload: async (id) => {
        await this.#list.reload(id);
        this.#loading.profiles();
      },
      open: (id) => this.open(id),
    });
    this.#presence = new PresenceLoader(parts);
    this.profiles = new ProfileLoader(parts);
    this.notifications = new Notifications({
      ...{ ...parts, api: new NotificationsApi(requests), browser, storage },
    });
    this.#loading = new Loading({
      ...{ ...parts, list: this.#list, history: this.#history, messages: this.messages },
      ...{ presence: this.#presence, profiles: this.profiles, outgoing: this.#outgoing },
      notifications: this.notifications,
    });
    this.uploads = new Uploads(parts);
    this.files = new FileLinks(parts);
    this.#disappearing = new NextDue({
      ...parts,
      next: () => nextExpiryMs(Object.values(this.store.state().conversations)),
      run: (nowMs) => this.store.dispatch({ kind: "time-passed", nowMs }),
    });
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
    this.store.subscribe(this.#disappearing.look);
    this.store.subscribe(this.#reading.look);
    this.#outgoing.resume();
    this.#connection.open();
  }

  async stop(): Promise<void> {
    this.#typing.stopped();
    this.uploads.close();
    this.#outgoing.offline();
    this.#refreshing.stop();
    this.#reading.close();
    this.#disappearing.stop();
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
    if (openId !== null && this.#isVisible) this.notifications.seen(openId);
    if (openId !== null && link === "online") this.#loading.conversation(openId);
  }

  /** The id of the direct conversation with that user. */
  conversationWith(peerId: string): string {
    return directId(this.#userId, peerId);
  }

  /** false: it cannot be sent, and the user has been told why. */
  send(
    conversationId: string,
    written: Pick<Draft, "content" | "replyTo" | "mentions" | "attachments">,
  ): boolean {
    const conversation = this.store.state().conversations[conversationId];
    if (conversation === undefined) return false;
    if (written.content === "" && written.attachments.length === 0) return false;
    this.#typing.stopped();
    const recipientId = peerOf(conversation, this.#userId);
    return this.#outgoing.compose({ conversationId, recipientId, ...written });
  }

  readonly retry = (clientMessageId: string): void => this.#outgoing.retry(clientMessageId);

  readonly discard = (clientMessageId: string): void => this.#outgoing.discard(clientMessageId);

  typed(conversationId: string): void {
    this.#typing.typed(conversationId);
  }

  readonly typingStopped = (): void => this.#typing.stopped();

  loadOlder(conversationId: string): void {
    this.#history.older(conversationId).catch(this.#refreshing.fault);
  }

  /** The next page of the list of conversations. */
  readonly loadMore = (isArchived: boolean): void => {
    this.#list
      .more(isArchived)
      .then(() => this.#loading.profiles())
      .catch(this.#refreshing.fault);
  };

  /** Names and pictures of users who are shown. */
  learnNames(userIds: readonly string[]): void {
    const { people } = this.store.state();
    this.#presence.ask(userIds.filter((userId) => people[userId] === undefined));
    this.profiles.ask(userIds);
  }

  setVisible(isVisible: boolean): void {
    if (isVisible === this.#isVisible) return;
    this.#isVisible = isVisible;
    this.#connection.announce(isVisible ? "ONLINE" : "AWAY");
    this.#reading.look();
    const { openId } = this.store.state();
    if (openId !== null && isVisible) this.notifications.seen(openId);
  }

  // What the connection tells.

  connected(): void {
    this.store.dispatch({ kind: "link-changed", link: "online" });
    if (!this.#isVisible) this.#connection.announce("AWAY");
    this.#outgoing.online();
    this.#refreshing.begin();
  }

  lost(): void {
    this.#outgoing.offline();
    this.#refreshing.stop();
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
    if (known === undefined && recipientId === null) this.#refreshing.run();
    if (known === undefined) this.#loading.profiles();
    const conversation = this.store.state().conversations[conversationId];
    if (conversation && hasGap(conversation)) this.#history.mend(conversationId);
    if (conversation?.isLoaded && changesPins(conversation.pins, message)) {
      this.#loading.pins(conversationId);
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

  profile(profile: UserProfile): void {
    this.store.dispatch({ kind: "profiles-told", profiles: [profile], atMs: Date.now() });
  }

  problem(problem: Problem): void {
    const { code, message, destination, clientMessageId } = problem;
    if (clientMessageId !== null) this.#outgoing.refused(problem, clientMessageId);
    else if (code === "TOKEN_EXPIRING") this.notify("You will soon have to sign in again.");
    else if (!isOfNewConversation(code, destination)) this.notify(message);
  }

  #reportTyping(conversationId: string, isTyping: boolean): void {
    const conversation = this.store.state().conversations[conversationId];
    // Before the first message is with the server there is nobody to tell.
    if (conversation?.messages.some(({ seq }) => seq !== null) !== true) return;
    this.#connection.reportTyping(conversationId, isTyping);
  }
}

/** A conversation begins with its first message; what waits for it begins then by itself. */
function isOfNewConversation(code: string, destination: string): boolean {
  const isTyping =
    destination.startsWith("/topic/typing/") || destination.startsWith("/app/chat.typing/");
  return code === "CONVERSATION_NOT_FOUND" && isTyping;
}
