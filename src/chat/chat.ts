import type { Clock } from "../clock.ts";
import type { AppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import type { Log } from "../log.ts";
import { TokenBuckets } from "../token-buckets.ts";
import { type AttachmentStore, Attachments } from "./attachments.ts";
import type { Blocks } from "./blocks.ts";
import { CommitConflict } from "./chat-writes.ts";
import { Contacts } from "./contacts.ts";
import type { Conversation, Learned } from "./conversation.ts";
import { ConversationChanges } from "./conversation-changes.ts";
import { ConversationReloads } from "./conversation-reloads.ts";
import { Conversations } from "./conversations.ts";
import { Disappearance } from "./disappearance.ts";
import { Erasures } from "./erasures.ts";
import { type InviteStore, Invites } from "./invites.ts";
import { type CommitOptions, Journal } from "./journal.ts";
import { Membership } from "./membership.ts";
import { MessageChanges } from "./message-changes.ts";
import { MessageDelivery } from "./message-delivery.ts";
import { type FeedReader, MessageFeed } from "./message-feed.ts";
import { Messages, type MessagesOptions } from "./messages.ts";
import type { NodeNotices } from "./node-notices.ts";
import type { OtherNodes } from "./other-nodes.ts";
import type { Outlet } from "./outlet.ts";
import type { ChatStore } from "./ports.ts";
import { MemberPreferences } from "./preferences.ts";
import { Presence } from "./presence.ts";
import { type PresenceScope, PresenceVisibility } from "./presence-visibility.ts";
import { Profiles } from "./profiles.ts";
import { Receipts } from "./receipts.ts";
import { RecentMessages } from "./recent-messages.ts";
import { Replay, type ReplayOptions, type ReplayReader } from "./replay.ts";
import { Roles } from "./roles.ts";
import { SharedChat } from "./shared-chat.ts";
import { SharedOutlet } from "./shared-outlet.ts";
import { ToldDeliveries } from "./told-deliveries.ts";
import { Typing } from "./typing.ts";
import type { Erasure, ErasureStore, UserDataStore, UserStore } from "./user-ports.ts";
import { Users } from "./users.ts";

export interface ChatOptions {
  readonly store: ChatStore;
  readonly outlet: Outlet;
  /** Those that write to the same store; null: there are none. Delivery is durable then. */
  readonly nodes: OtherNodes | null;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly commits: CommitOptions;
  readonly delivery: "fast" | "durable";
  readonly echo: "others" | "all" | "none";
  readonly openDirect: boolean;
  /** What happens to groups is told in them. */
  readonly tellsEvents: boolean;
  /** See `MessageChanges`. */
  readonly editWithinMs: number;
  readonly deleteWithinMs: number;
  /** Users may change their own profiles. */
  readonly openProfiles: boolean;
  /** What a message may say, as JSON. */
  readonly contentBytes: number;
  readonly recentMessages: number;
  /** See `Conversations`. */
  readonly cachedMembers: number;
  readonly uncommittedMessages: number;
  readonly uncommittedBytes: number;
  readonly typingExpiryMs: number;
  readonly graceMs: number;
  readonly messagesPerSecond: number;
  readonly messagesBurst: number;
  readonly blocks: Blocks;
  readonly invites: InviteStore;
  readonly users: UserStore & UserDataStore;
  readonly erasures: ErasureStore;
  /** See `Erasures`. */
  readonly underWay: readonly Erasure[];
  readonly lockOut: (userId: string) => Promise<void>;
  /** See `Erasures`. */
  readonly expel: (userId: string) => void;
  /** See `Erasures`. */
  readonly endUploads: (userId: string) => Promise<void>;
  readonly log: Log;
  readonly attachments: AttachmentStore;
  /** Of links, see `Invites`. */
  readonly newCode: () => string;
  readonly presenceVisibleTo: PresenceScope;
  /** Members that a conversation may have. */
  readonly conversationMembers: number;
  readonly typingPerSecond: number;
  readonly typingBurst: number;
  /** Commits fail from now on, and why; null: they succeed again. */
  readonly onStoreChange: (error: AppError | null) => void;
  /** So many messages are on disk, so long after their commit began. */
  readonly onCommit: (messages: number, seconds: number) => void;
  /** Messages of other nodes have been told here. */
  readonly onTold: () => void;
  /** A fault where no caller is left to hear of it. */
  readonly onFault: (fault: unknown) => void;
}

/** Twice as long as other nodes take at most to hear that a user is to be removed. */
const OTHERS_MS = 2_000;
/** How late a message disappears at most that another node took. */
const LOOK_EVERY_MS = 1_000;

/** The parts of chat, put together. */
export class Chat {
  readonly conversations: Conversations;
  readonly journal: Journal;
  readonly receipts: Receipts;
  readonly messages: Messages;
  readonly typing: Typing;
  readonly presence: Presence;
  readonly changes: ConversationChanges;
  readonly membership: Membership;
  readonly messageChanges: MessageChanges;
  readonly disappearance: Disappearance;
  readonly roles: Roles;
  readonly profiles: Profiles;
  readonly preferences: MemberPreferences;
  readonly invites: Invites;
  readonly users: Users;
  readonly erasures: Erasures;
  readonly attachments: Attachments;
  /** What each user may send of messages and syncs, as often as that of read marks, and of signals. */
  readonly messageRate: TokenBuckets;
  readonly readRate: TokenBuckets;
  readonly signalRate: TokenBuckets;
  readonly blocks: Blocks;
  readonly visibility: PresenceVisibility;
  readonly #contacts: Contacts;
  readonly #shared: SharedChat | null;
  readonly #replays: ReplayOptions;

  constructor(readonly options: ChatOptions) {
    const { store, nodes, clock } = options;
    const outlet = nodes === null ? options.outlet : new SharedOutlet(options.outlet, nodes);
    const recent: MessagesOptions["recent"] = new RecentMessages(options.recentMessages);
    const conversations = new Conversations(store, options.cachedMembers);
    const learned = (conversation: Conversation, changes: Learned) =>
      this.#learned(conversation, changes);
    const listener = {
      marked: (marks: Parameters<Receipts["told"]>[0]) => {
        this.receipts.told(marks);
        this.#shared?.marked(marks);
      },
      learned,
      failed: (affected: ReadonlySet<Conversation>, error: AppError) => {
        for (const conversation of affected) {
          if (!conversation.persisted) this.#dissolve(conversation);
          conversations.rollBack(conversation);
          if (error instanceof CommitConflict) void this.#refresh(conversation);
        }
      },
      storeChanged: options.onStoreChange,
      committed: options.onCommit,
      fault: options.onFault,
    };
    this.conversations = conversations;
    const capacity = { messages: options.uncommittedMessages, bytes: options.uncommittedBytes };
    const journal = new Journal(store, listener, clock, capacity, options.commits);
    this.journal = journal;
    if (nodes !== null)
      conversations.reloads = new ConversationReloads({ store, journal, learned });
    const messages = { perSecond: options.messagesPerSecond, burst: options.messagesBurst };
    this.messageRate = new TokenBuckets(clock, messages);
    this.readRate = new TokenBuckets(clock, messages);
    const signals = { perSecond: options.typingPerSecond, burst: options.typingBurst };
    this.signalRate = new TokenBuckets(clock, signals);
    const { onFault } = options;
    const shared =
      nodes === null
        ? null
        : {
            ...{ nodes, here: options.outlet, told: new ToldDeliveries() },
            isHere: (userId: string) => this.presence.isHere(userId),
          };
    const common = { store, conversations, recent, outlet, clock, onFault };
    this.receipts = new Receipts({ ...common, journal, shared });
    const contacts = new Contacts({
      store,
      isUsed: options.presenceVisibleTo === "contacts",
      isKept: (userId) => this.presence.isHere(userId),
    });
    this.#contacts = contacts;
    const here = new MessageDelivery(options.outlet, options.echo);
    const onDisappearing = (expiresMs: number) => this.disappearance.expect(expiresMs);
    this.#shared =
      shared === null
        ? null
        : new SharedChat({
            ...{ ...common, ...shared, contacts, here, onDisappearing, receipts: this.receipts },
            ...{ outlet: options.outlet, onTold: options.onTold },
          });
    const { attachments } = options;
    this.attachments = new Attachments({ attachments, store, conversations, clock });
    this.messages = new Messages({
      ...{ store, conversations, recent, journal, outlet, clock },
      receipts: this.receipts,
      rate: this.messageRate,
      newId: options.newId,
      delivery: nodes === null ? options.delivery : "durable",
      deliverer: this.#shared?.delivery ?? here,
      openDirect: options.openDirect,
      tellsEvents: options.tellsEvents,
      contentBytes: options.contentBytes,
      blocks: options.blocks,
      contacts,
      onDisappearing,
      nameOf: (sender) => this.presence.nameOf(sender),
      attachments: this.attachments,
    });
    this.#replays = {
      ...{ store, conversations, journal, recent },
      shared: this.#shared?.messages ?? null,
    };
    const { blocks } = options;
    this.blocks = blocks;
    this.typing = new Typing({
      ...{ conversations, blocks, outlet, clock, signals: this.signalRate },
      expiryMs: options.typingExpiryMs,
    });
    this.visibility = new PresenceVisibility(options.presenceVisibleTo, blocks, contacts);
    blocks.onChange(({ blockerId, blockedId }, isBlocked) => {
      if (isBlocked) this.typing.blocked(blockerId, blockedId);
    });
    this.presence = new Presence({
      ...{ store, journal, outlet, clock, onFault, users: options.users },
      graceMs: options.graceMs,
      onOffline: (userId) => {
        this.typing.left(userId);
        contacts.forget(userId);
      },
    });
    const { receipts, typing } = this;
    const changes = new ConversationChanges({
      ...{ conversations, journal, outlet, receipts },
      onChanged: (what) => this.nodeNotices?.changed(what),
    });
    this.changes = changes;
    this.messageChanges = new MessageChanges({
      ...{ store, changes, messages: this.messages, recent, blocks, clock },
      editWithinMs: options.editWithinMs,
      deleteWithinMs: options.deleteWithinMs,
      contentBytes: options.contentBytes,
    });
    this.disappearance = new Disappearance({
      ...{ store, clock, onFault },
      expire: (message) => this.messageChanges.expire(message),
      lookEveryMs: nodes !== null ? LOOK_EVERY_MS : null,
    });
    const inGroups = { changes, messages: this.messages };
    this.roles = new Roles(inGroups);
    this.profiles = new Profiles({ ...inGroups, blocks });
    this.preferences = new MemberPreferences({ changes, outlet, clock });
    this.membership = new Membership({
      ...inGroups,
      ...{ conversations, outlet, typing, contacts, blocks, clock, newId: options.newId },
      capacity: options.conversationMembers,
    });
    this.invites = new Invites({
      ...{ conversations, clock, store: options.invites, newCode: options.newCode },
      membership: this.membership,
    });
    const { presence, membership } = this;
    const erased = { changes, membership, presence, journal, blocks, clock };
    this.erasures = new Erasures({
      ...{ ...erased, messages: this.messages, store: options.erasures, data: options.users },
      ...{ lockOut: options.lockOut, endUploads: options.endUploads, recent },
      ...{ underWay: options.underWay, expel: options.expel, log: options.log },
      othersMs: nodes !== null ? OTHERS_MS : 0,
    });
    this.users = new Users({
      ...{ presence, blocks, outlet, clock, onFault, chats: store, store: options.users },
      ...{ erasures: this.erasures, openProfiles: options.openProfiles },
    });
  }

  /** What hears of other nodes; null: no other node has these chats. */
  get nodeNotices(): NodeNotices | null {
    return this.#shared?.notices ?? null;
  }

  /** For a new subscription to the user's messages. */
  replayTo(userId: string, reader: ReplayReader): Replay {
    return new Replay(this.#replays, userId, reader);
  }

  /** For a reader of the user's messages from a position on, see `MessageFeed`. */
  feedTo(userId: string, reader: FeedReader, position: string | null): MessageFeed {
    return new MessageFeed(this.#replays, userId, reader, position);
  }

  /** Nobody is a member of a conversation that was never written. */
  #dissolve({ id, members }: Conversation): void {
    for (const userId of members.keys()) this.options.outlet.left(userId, id);
  }

  /** Others have changed who is a member, or how far members are. */
  #learned(conversation: Conversation, { joined, left, moved }: Learned): void {
    const { outlet } = this.options;
    const { id, members } = conversation;
    if (moved.length > 0) this.#shared?.learned(conversation, moved);
    for (const userId of left) {
      outlet.left(userId, id);
      this.typing.leftConversation(userId, id);
    }
    for (const userId of joined) outlet.joined(userId, id);
    if (joined.length + left.length === 0) return;
    for (const userId of [...left, ...members.keys()]) this.#contacts.forget(userId);
  }

  /** The store is not as it was thought to be; a seq that it has given away must not be given again. */
  async #refresh(conversation: Conversation): Promise<void> {
    try {
      const refreshed = this.conversations.refresh(conversation);
      if (refreshed instanceof Promise) await refreshed;
    } catch (fault) {
      this.options.onFault(fault);
    }
  }

  /** Ends timers, keeps everyone's last seen, and waits until all is committed. */
  async stop(): Promise<void> {
    this.typing.stop();
    this.#shared?.stop();
    this.receipts.stop();
    const stopped = [this.disappearance.stop(), this.erasures.stop()];
    this.users.stop();
    this.presence.stop();
    await Promise.all(stopped);
    await this.journal.drained();
    this.journal.stop();
  }
}
