import {
  type ClientRecord,
  type History,
  keyOf,
  type Observation,
  type SeenMessage,
} from "./record.ts";

/** An observation's place in the record. */
export type Place = number;

export interface Send {
  readonly place: Place;
  readonly connection: number;
}

/** All that clients did with one message of one sender. */
export interface Sending {
  readonly senderId: string;
  readonly clientMessageId: string;
  readonly conversationId: string;
  readonly digest: string;
  readonly sends: Send[];
}

export interface Confirmation {
  readonly place: Place;
  readonly id: string;
  readonly seq: number;
}

export interface Connection {
  readonly opened: Extract<Observation, { kind: "opened" }>;
  readonly openedAt: Place;
  closedAt: Place;
}

/** The record and the history, by what the rules look things up by. */
export class Evidence {
  readonly connections = new Map<number, Connection>();
  readonly sendings = new Map<string, Sending>();
  /** The first confirmation of each message. */
  readonly confirmations = new Map<string, Confirmation>();
  readonly confirmedIds = new Map<string, Confirmation>();
  readonly historyById = new Map<string, SeenMessage>();
  readonly members = new Map<string, ReadonlySet<string>>();
  readonly #restarts: Place[] = [];

  constructor(
    readonly record: ClientRecord,
    readonly history: History,
  ) {
    for (const { id, memberIds } of record.conversations) this.members.set(id, new Set(memberIds));
    for (const messages of history.values()) {
      for (const message of messages) this.historyById.set(message.id, message);
    }
    for (const [place, observation] of record.observations.entries()) {
      this.#index(place, observation);
    }
  }

  userOf(connection: number): string {
    return this.connectionOf(connection).opened.userId;
  }

  /** Throws when the record itself is wrong: a connection must be opened before it is used. */
  connectionOf(connection: number): Connection {
    const found = this.connections.get(connection);
    if (found === undefined) throw new Error(`The record has no connection ${connection}`);
    return found;
  }

  /** The device itself sent the message: it has no need of a copy. */
  isSentBy(deviceId: string, { senderId, clientMessageId }: SeenMessage): boolean {
    const sending = this.sendings.get(keyOf(senderId, clientMessageId));
    return (
      sending?.sends.some(
        ({ connection }) => this.connectionOf(connection).opened.deviceId === deviceId,
      ) === true
    );
  }

  /**
   * The device has a right to the message: somebody else wrote it or, where devices resume from
   * maps of their own, another device of the user.
   */
  isOwedTo(
    device: { readonly deviceId: string; readonly userId: string },
    message: SeenMessage,
  ): boolean {
    if (message.senderId !== device.userId) return true;
    return this.record.resume === "sync" && !this.isSentBy(device.deviceId, message);
  }

  isMember(conversationId: string, userId: string): boolean {
    return this.members.get(conversationId)?.has(userId) === true;
  }

  /** The message of the final history at that place. */
  at(conversationId: string, seq: number): SeenMessage | undefined {
    const messages = this.history.get(conversationId);
    const likely = messages?.[seq - 1];
    return likely?.seq === seq ? likely : messages?.find((message) => message.seq === seq);
  }

  /** The history has the message under this id: no crash took it. */
  survived({ id }: SeenMessage): boolean {
    return this.historyById.has(id);
  }

  /** -1 before the first one. */
  lastRestartBefore(place: Place): Place {
    return this.#restarts.findLast((restart) => restart < place) ?? -1;
  }

  #index(place: Place, observation: Observation): void {
    switch (observation.kind) {
      case "restarted":
        this.#restarts.push(place);
        break;
      case "opened":
        this.connections.set(observation.connection, {
          opened: observation,
          openedAt: place,
          closedAt: Number.POSITIVE_INFINITY,
        });
        break;
      case "closed":
        this.connectionOf(observation.connection).closedAt = place;
        break;
      case "sent": {
        const { connection, conversationId, clientMessageId, digest } = observation;
        const senderId = this.userOf(connection);
        const key = keyOf(senderId, clientMessageId);
        const sending = this.sendings.get(key);
        const send = { place, connection };
        if (sending !== undefined) sending.sends.push(send);
        else {
          const sends = [send];
          const made = { senderId, clientMessageId, conversationId, digest, sends };
          this.sendings.set(key, made);
        }
        break;
      }
      case "confirmed": {
        const { connection, clientMessageId, id, seq } = observation;
        const key = keyOf(this.userOf(connection), clientMessageId);
        const confirmation = { place, id, seq };
        if (!this.confirmations.has(key)) this.confirmations.set(key, confirmation);
        if (!this.confirmedIds.has(id)) this.confirmedIds.set(id, confirmation);
        break;
      }
      default:
        break;
    }
  }
}
