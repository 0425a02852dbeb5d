import { plainText } from "./plain-text.ts";
import type { PresenceStatus, UserPresence, UserProfile, WireMessage } from "./wire.ts";

export interface Person {
  readonly userId: string;
  readonly name: string;
  /** When the server told the name; an answer to an older question does not override it. */
  readonly namedMs: number;
  /** When the message was sent that tells the name; 0: none does. */
  readonly signedMs: number;
  /** A URL. */
  readonly picture: string | null;
  /** When the server told it. */
  readonly picturedMs: number;
  readonly status: PresenceStatus;
  /** null: nobody said. */
  readonly lastSeenMs: number | null;
  /** When this was heard; an answer to an older question does not override it. */
  readonly heardAtMs: number;
}

/** By user id. */
export type People = Readonly<Record<string, Person>>;

export interface PresenceList {
  readonly users: readonly UserPresence[];
  readonly askedAtMs: number;
  /** Who is not in the list is not online. */
  readonly isEverybodyOnline: boolean;
}

export function withPresenceList(
  people: People,
  { users, askedAtMs, isEverybodyOnline }: PresenceList,
): People {
  const listed = new Set(users.map(({ userId }) => userId));
  const isStale = (userId: string) => (people[userId]?.heardAtMs ?? 0) > askedAtMs;
  const gone: UserPresence[] = Object.values(people)
    .filter(({ userId, status }) => status !== "OFFLINE" && !listed.has(userId))
    .map(({ userId }) => ({ userId, name: null, status: "OFFLINE", lastSeenMs: askedAtMs }));
  return [...users, ...(isEverybodyOnline ? gone : [])]
    .filter(({ userId }) => !isStale(userId))
    .reduce((next, user) => withPresence(next, user, askedAtMs), people);
}

export function withPresence(
  people: People,
  { userId, name, status, lastSeenMs }: UserPresence,
  heardAtMs: number,
): People {
  const named = name === null ? null : nameTold(people[userId], name, heardAtMs);
  return put(people, userId, { ...named, status, lastSeenMs, heardAtMs });
}

export function withProfiles(
  people: People,
  profiles: readonly UserProfile[],
  heardAtMs: number,
): People {
  return profiles.reduce((next, { userId, name, picture }) => {
    const known = next[userId];
    const isOlder = (known?.picturedMs ?? 0) > heardAtMs;
    return put(next, userId, {
      ...nameTold(known, name, heardAtMs),
      ...(!isOlder && { picture, picturedMs: heardAtMs }),
    });
  }, people);
}

/** Messages tell the names that their senders had then. */
export function withSenders(people: People, messages: readonly WireMessage[]): People {
  const newest = new Map(messages.map((message) => [message.senderId, message]));
  return [...newest.values()].reduce((next, { senderId, senderName, timestampMs }) => {
    const { namedMs = 0, signedMs = -1 } = next[senderId] ?? {};
    return Math.max(namedMs, signedMs) > timestampMs
      ? next
      : put(next, senderId, { name: senderName, signedMs: timestampMs });
  }, people);
}

/** What a message was signed with gives way to it, whatever the server's clock says. */
function nameTold(known: Person | undefined, name: string, atMs: number): Partial<Person> {
  return (known?.namedMs ?? 0) > atMs ? {} : { name, namedMs: atMs };
}

function put(people: People, userId: string, change: Partial<Person>): People {
  const known = people[userId] ?? {
    ...{ userId, name: plainText(userId), namedMs: 0, signedMs: 0, picture: null, picturedMs: 0 },
    ...{ status: "OFFLINE", lastSeenMs: null, heardAtMs: 0 },
  };
  return { ...people, [userId]: { ...known, ...change } };
}
