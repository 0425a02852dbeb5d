import type { PresenceStatus } from "../chat/events.ts";
import type { PresenceChange } from "../chat/presence-elsewhere.ts";
import { PackedReader, PackedWriter } from "./packed.ts";

/**
 * What nodes say to each other:
 *
 *     version 1 | kind | run of the sender | what the kind has
 *
 * A run is a node from its start to its end: a node that is started again is another one.
 */
export type NodeMessage = Beat | Goodbye | Changes | Request | Portion;

/** The node lives. To all. */
export interface Beat {
  readonly kind: "beat";
  readonly run: string;
  /** It does not know who is there: the others are to beat at once. */
  readonly isHello: boolean;
  /** It does what one of those on a database does alone. */
  readonly isLeader: boolean;
  readonly version: string;
  readonly startedMs: number;
  readonly connections: number;
  /** Users with a connection to it. */
  readonly users: number;
  /** The number of its last `Changes`; 0: there were none. */
  readonly spoken: number;
  /** See `SelfDescription`. */
  readonly settings: ReadonlyMap<string, number>;
}

/** The node ends in order. To all. */
export interface Goodbye {
  readonly kind: "goodbye";
  readonly run: string;
}

/** Of the node's users. To all; counted from 1 in each run, without a gap. */
export interface Changes {
  readonly kind: "changes";
  readonly run: string;
  readonly number: number;
  readonly changes: readonly PresenceChange[];
}

/** Asks a node for all of its users. To that node. */
export interface Request {
  readonly kind: "request";
  readonly run: string;
  /** The asker's own number of it; a new one takes the place of those before. */
  readonly request: number;
}

/** Some of a node's users, in answer to a `Request`. To the node that asked. */
export interface Portion {
  readonly kind: "portion";
  readonly run: string;
  readonly request: number;
  /** Counted from 0. */
  readonly index: number;
  readonly isLast: boolean;
  /** The `Changes` up to this number are in it. */
  readonly spoken: number;
  readonly changes: readonly PresenceChange[];
}

const VERSION = 1;
const KINDS = ["beat", "goodbye", "changes", "request", "portion"] as const;

/** Of a beat. */
const IS_HELLO = 1;
const IS_LEADER = 2;

const STATUSES: readonly PresenceStatus[] = ["ONLINE", "AWAY", "OFFLINE"];
/** In place of a status: the user has left. */
const LEFT = 3;
const STATUS_BITS = 0b11;
/** The name is the user's id. */
const IS_NAMED_BY_ID = 4;
/** The status is the user's own word. */
const IS_SAID = 8;

export function encodeNodeMessage(message: NodeMessage): Uint8Array {
  const writer = new PackedWriter();
  writer.octet(VERSION).octet(KINDS.indexOf(message.kind)).text(message.run);
  switch (message.kind) {
    case "beat":
      writer
        .octet((message.isHello ? IS_HELLO : 0) | (message.isLeader ? IS_LEADER : 0))
        .text(message.version)
        .number(message.startedMs);
      writer.number(message.connections).number(message.users).number(message.spoken);
      for (const [name, digest] of message.settings) writer.text(name).number(digest);
      break;
    case "changes":
      writer.number(message.number);
      for (const change of message.changes) writeChange(writer, change);
      break;
    case "request":
      writer.number(message.request);
      break;
    case "portion":
      writer
        .number(message.request)
        .number(message.index)
        .octet(message.isLast ? 1 : 0);
      writer.number(message.spoken);
      for (const change of message.changes) writeChange(writer, change);
      break;
    case "goodbye":
      break;
  }
  return writer.bytes();
}

/** null for what is none, or of another version. */
export function decodeNodeMessage(bytes: Uint8Array): NodeMessage | null {
  try {
    const reader = new PackedReader(bytes);
    const message = readMessage(reader);
    return reader.isAtEnd ? message : null;
  } catch {
    return null;
  }
}

/** How many bytes a change takes in a message, about. */
export function sizeOf(change: PresenceChange): number {
  return change.userId.length + ("name" in change ? change.name.length : 0) + 12;
}

function readMessage(reader: PackedReader): NodeMessage | null {
  if (reader.octet() !== VERSION) return null;
  const kind = KINDS[reader.octet()];
  const run = reader.text();
  switch (kind) {
    case "beat": {
      const flags = reader.octet();
      return {
        ...{ kind, run, isHello: (flags & IS_HELLO) !== 0, isLeader: (flags & IS_LEADER) !== 0 },
        ...{ version: reader.text(), startedMs: reader.number(), connections: reader.number() },
        ...{ users: reader.number(), spoken: reader.number(), settings: readSettings(reader) },
      };
    }
    case "goodbye":
      return { kind, run };
    case "changes":
      return { kind, run, number: reader.number(), changes: readChanges(reader) };
    case "request":
      return { kind, run, request: reader.number() };
    case "portion":
      return {
        ...{ kind, run, request: reader.number(), index: reader.number() },
        ...{ isLast: reader.octet() === 1, spoken: reader.number(), changes: readChanges(reader) },
      };
    default:
      return null;
  }
}

function readSettings(reader: PackedReader): Map<string, number> {
  const settings = new Map<string, number>();
  while (!reader.isAtEnd) settings.set(reader.text(), reader.number());
  return settings;
}

function writeChange(writer: PackedWriter, change: PresenceChange): void {
  if (!("name" in change)) {
    writer.octet(LEFT).text(change.userId).number(change.leftMs);
    return;
  }
  const { userId, name, status, saidMs } = change;
  const flags = (name === userId ? IS_NAMED_BY_ID : 0) | (saidMs > 0 ? IS_SAID : 0);
  writer.octet(STATUSES.indexOf(status) | flags).text(userId);
  if (name !== userId) writer.text(name);
  if (saidMs > 0) writer.number(saidMs);
}

function readChanges(reader: PackedReader): PresenceChange[] {
  const changes: PresenceChange[] = [];
  while (!reader.isAtEnd) changes.push(readChange(reader));
  return changes;
}

function readChange(reader: PackedReader): PresenceChange {
  const head = reader.octet();
  const userId = reader.text();
  if (head === LEFT) return { userId, leftMs: reader.number() };
  const status = STATUSES[head & STATUS_BITS];
  if (status === undefined) throw new RangeError("status");
  const name = (head & IS_NAMED_BY_ID) === 0 ? reader.text() : userId;
  return { userId, name, status, saidMs: (head & IS_SAID) === 0 ? 0 : reader.number() };
}
