import { isReachable, peerOf } from "./conversation.ts";
import type { ConversationList } from "./conversation-list.ts";
import type { HistoryLoader } from "./history-loader.ts";
import type { MessageActions } from "./message-actions.ts";
import type { Notifications } from "./notifications.ts";
import type { Outgoing } from "./outgoing.ts";
import type { PresenceLoader } from "./presence-loader.ts";
import type { ProfileLoader } from "./profile-loader.ts";
import type { Store } from "./store.ts";

export interface LoadingParts {
  readonly userId: string;
  readonly state: Store["state"];
  readonly list: ConversationList;
  readonly history: HistoryLoader;
  readonly messages: MessageActions;
  readonly presence: PresenceLoader;
  readonly profiles: ProfileLoader;
  readonly outgoing: Outgoing;
  readonly notifications: Notifications;
  /** Nobody waits for what is loaded beside. */
  readonly onFault: (fault: unknown) => void;
}

/** What is asked of the server, and when: after a time without connection, and for what is looked at. */
export class Loading {
  readonly #parts: LoadingParts;

  constructor(parts: LoadingParts) {
    this.#parts = parts;
  }

  /** Everything that may have changed while nobody listened. */
  async everything(): Promise<void> {
    const { state, list, history, presence, profiles, outgoing, notifications } = this.#parts;
    const conversations = await list.refresh();
    outgoing.stored(conversations.flatMap(({ lastMessage }) => lastMessage ?? []));
    const { openId } = state();
    if (openId !== null) this.conversation(openId);
    profiles.renew();
    this.profiles();
    await presence.everybodyOnline();
    const { people, conversations: known } = state();
    presence.ask(this.#peers().filter((id) => (people[id]?.status ?? "OFFLINE") === "OFFLINE"));
    for (const { id, isLoaded } of Object.values(known)) {
      if (isLoaded && id !== openId) await history.fill(id);
    }
    await notifications.begin();
  }

  /** One that is being looked at. */
  conversation(conversationId: string): void {
    const { state, history, presence, userId, onFault } = this.#parts;
    const conversation = state().conversations[conversationId];
    if (conversation === undefined) return;
    const peer = peerOf(conversation, userId);
    if (peer !== null && state().people[peer] === undefined) presence.ask([peer]);
    const loaded = conversation.isLoaded
      ? history.fill(conversationId)
      : history.open(conversationId);
    loaded.then(() => this.pins(conversationId)).catch(onFault);
  }

  pins(conversationId: string): void {
    const { state, messages, onFault } = this.#parts;
    const conversation = state().conversations[conversationId];
    if (conversation === undefined || !isReachable(conversation)) return;
    messages.loadPins(conversationId).catch(onFault);
  }

  /** Of all with whom the user has direct conversations, and the user's own. */
  profiles(): void {
    const { profiles, userId } = this.#parts;
    profiles.ask([userId, ...this.#peers()]);
  }

  #peers(): string[] {
    const { state, userId } = this.#parts;
    return Object.values(state().conversations).flatMap(
      (conversation) => peerOf(conversation, userId) ?? [],
    );
  }
}
