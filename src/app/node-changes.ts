import type { Revocation, RevocationStore, Revocations } from "../auth/revocations.ts";
import { tokenRevoked } from "../auth/revocations.ts";
import type { NodeChannels } from "../broker/node-channels.ts";
import type { Block, Blocks } from "../chat/blocks.ts";
import type { Erasures } from "../chat/erasures.ts";
import type { ErasureStore } from "../chat/user-ports.ts";
import type { Users } from "../chat/users.ts";
import type { Clock, Timer } from "../clock.ts";
import { AppError, toAppError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { ChatApplication } from "./chat-application.ts";
import { decodeChange, encodeChange, type NodeChange } from "./node-change.ts";
import { Renewal } from "./renewal.ts";
import { ToldChanges } from "./told-changes.ts";
import type { UserSessions } from "./user-sessions.ts";

const KIND = "changes";
const CHANNEL = `${KIND}/all`;
/** While other nodes are not reached, everything is read so often. */
const UNREACHED_MS = 1_000;
/** The time between two readings of everything is so many times what the last one took. */
const REST = 9;
/** Of names or blocks, in one statement. */
const MOST = 500;

export interface NodeChangesOptions {
  readonly channels: NodeChannels;
  readonly revocations: Revocations;
  readonly blocks: Blocks;
  readonly users: Users;
  readonly erasures: Erasures;
  readonly application: Pick<ChatApplication, "disconnect" | "endRevoked">;
  readonly sessions: Pick<UserSessions, "userIds">;
  readonly stores: { readonly revocations: RevocationStore; readonly erasures: ErasureStore };
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Keeps what nodes have in memory of the database that they share in step: tokens taken back, blocks,
 * names, users being removed. Each tells the others what it has changed, when that is durable, and again
 * where that may have got lost. What may have been missed, and what changes while the others are not
 * reached, is read from the database.
 */
export class NodeChanges {
  readonly #options: NodeChangesOptions;
  readonly #everything: Renewal<"all">;
  readonly #blocks: Renewal<Block>;
  readonly #names: Renewal<string>;
  readonly #erasures: Renewal<string>;
  readonly #told: ToldChanges;
  /** As counted when it was last looked at. */
  #dropped = 0;
  #timer: Timer | null = null;
  #restUntilMs = 0;
  #invalid = 0;

  constructor(options: NodeChangesOptions) {
    this.#options = options;
    const { clock, log, blocks, users, erasures } = options;
    this.#told = new ToldChanges(clock);
    const onFault = (fault: unknown) => {
      // That the store fails is known, and told of, elsewhere.
      if (toAppError(fault).code === "STORAGE_UNAVAILABLE") return;
      log.error({ err: fault }, "What other nodes changed is not known for now");
    };
    const ofUsers = { clock, onFault, keyOf: (userId: string) => userId };
    this.#everything = new Renewal({
      ...{ clock, onFault, most: 1, keyOf: () => "all" },
      look: () => this.#readAll(),
    });
    this.#blocks = new Renewal({
      ...{ clock, onFault, most: MOST },
      keyOf: ({ blockerId, blockedId }) => `${blockerId} ${blockedId}`, // Ids hold no space.
      look: (changed) => blocks.renew(changed),
    });
    this.#names = new Renewal({
      ...{ ...ofUsers, most: MOST },
      async look(userIds) {
        await users.renewNames(userIds);
        return [];
      },
    });
    this.#erasures = new Renewal({
      ...{ ...ofUsers, most: 1 },
      async look(userIds) {
        for (const userId of userIds) await erasures.renew(userId);
        return [];
      },
    });
  }

  /** What came from other nodes and could not be read. */
  get invalid(): number {
    return this.#invalid;
  }

  /** Before the channels are started. */
  start(): void {
    const { channels, revocations, blocks, users, erasures } = this.#options;
    channels.receive(KIND, (_origin, _name, payload) => this.#receive(payload));
    channels.onGap(() => this.#everything.add("all"));
    channels.onLoss(() => this.#told.doubt());
    channels.onReturn(() => this.#tellAgain());
    revocations.onKept((revocation) => this.#tell({ kind: "revoked", revocation }));
    blocks.onKept((block) => this.#tell({ kind: "block", ...block }));
    users.onChange((userId) => {
      this.#tell({ kind: "profile", userId });
      this.#names.add(userId); // Another node may have changed it at the same time.
    });
    erasures.onChange((userId) => this.#tell({ kind: "erasure", userId }));
  }

  /** When the channels are started. */
  listen(): void {
    const { channels } = this.#options;
    // What changed since this node read it, and before it hears of it.
    void channels.subscribe(CHANNEL).then(() => this.#everything.add("all"));
    this.#watch();
  }

  stop(): void {
    this.#timer?.cancel();
    for (const renewal of [this.#everything, this.#blocks, this.#names, this.#erasures]) {
      renewal.stop();
    }
  }

  /** A node has died: what it has changed last it may have told nobody. */
  recover(): void {
    this.#everything.add("all");
  }

  /** The back end has ended the user's connections here: so do the others. */
  disconnected(userId: string): void {
    this.#tell({ kind: "disconnect", userId });
  }

  #tell(change: NodeChange): void {
    const { channels } = this.#options;
    this.#told.add(change, !channels.isConnected);
    channels.publish(CHANNEL, encodeChange(change));
  }

  #tellAgain(): void {
    const { channels } = this.#options;
    if (!channels.isConnected) return;
    for (const change of this.#told.again()) channels.publish(CHANNEL, encodeChange(change));
  }

  #receive(payload: Uint8Array): void {
    const { application, users } = this.#options;
    const change = decodeChange(payload);
    if (change === null) {
      this.#invalid += 1;
      return;
    }
    switch (change.kind) {
      case "revoked":
        this.#learn([change.revocation]);
        return;
      case "block": {
        const { blockerId, blockedId } = change;
        this.#blocks.add({ blockerId, blockedId });
        return;
      }
      case "profile":
        this.#names.add(change.userId);
        users.changedElsewhere(change.userId);
        return;
      case "name":
        this.#names.add(change.userId);
        return;
      case "everything":
        this.#everything.add("all");
        return;
      case "erasure":
        this.#erasures.add(change.userId);
        return;
      case "disconnect":
        application.disconnect(change.userId, disconnectedByApp());
    }
  }

  /**
   * Of a user whose tokens were taken back no connection is left, whatever this node's clock said when
   * it came: clocks differ, and who has a new token comes again.
   */
  #learn(revoked: readonly Revocation[]): void {
    const { revocations, application } = this.#options;
    const news = revocations.learn(revoked);
    for (const { kind, subject } of news) {
      if (kind === "user") application.disconnect(subject, tokenRevoked());
    }
    if (news.length > 0) application.endRevoked();
  }

  async #readAll(): Promise<readonly "all"[]> {
    const { stores, blocks, erasures, sessions, clock } = this.#options;
    const beganMs = clock.monotonicMs();
    this.#learn(await stores.revocations.all());
    const underWay = await stores.erasures.underWay();
    for (const { userId } of underWay) this.#erasures.add(userId);
    for (const userId of erasures.userIds()) this.#erasures.add(userId);
    for (const block of await blocks.renewAll()) this.#blocks.add(block);
    for (const userId of sessions.userIds()) this.#names.add(userId);
    const endedMs = clock.monotonicMs();
    this.#restUntilMs = endedMs + REST * (endedMs - beganMs);
    return [];
  }

  /** Who is not reached cannot tell, but writes to the same database. */
  #watch(): void {
    const { clock, channels } = this.#options;
    this.#timer = clock.schedule(UNREACHED_MS, () => {
      if (!channels.isConnected && clock.monotonicMs() >= this.#restUntilMs) {
        this.#everything.add("all");
      }
      if (channels.dropped !== this.#dropped) {
        this.#dropped = channels.dropped;
        this.#told.doubt();
      }
      this.#tellAgain();
      this.#watch();
    });
  }
}

export function disconnectedByApp(): AppError {
  return new AppError("DISCONNECTED", "The connection was ended by the application");
}
