import { plainText } from "./plain-text.ts";
import type { PresenceStatus, UserPresence, UserProfile, WireMessage } from "./wire.ts";

export interface Person {
  readonly userId: string;
  readonly name: string;
  /** When the name was given, or heard; what is older does not override it. 0: it is the id. */
  readonly namedMs: number;
  /** A URL. */
  readonly picture: string | null;
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
  const named = name === null ? people : withName(people, userId, name, heardAtMs);
  return put(named, userId, { status, lastSeenMs, heardAtMs });
}

export function withProfiles(
  people: People,
  profiles: readonly UserProfile[],
  heardAtMs: number,
): People {
  return profiles.reduce(
    (next, { userId, name, picture }) =>
      (next[userId]?.namedMs ?? 0) > heardAtMs
        ? next
        : put(next, userId, { name, picture, namedMs: heardAtMs }),
    people,
  );
}

/** Messages tell the names that their senders had then. */
export function withSenders(people: People, messages: readonly WireMessage[]): People {
  const newest = new Map(messages.map((message) => [message.senderId, message]));
  return [...newest.values()].reduce(
    (next, { senderId, senderName, timestampMs }) =>
      withName(next, senderId, senderName, timestampMs),
    people,
  );
}

function withName(people: People, userId: string, name: string, namedMs: number): People {
  return (people[userId]?.namedMs ?? -1) > namedMs
    ? people
    : put(people, userId, { name, namedMs });
}

function put(people: People, userId: string, change: Partial<Person>): People {
  const known = people[userId] ?? {
    ...{ userId, name: plainText(userId), namedMs: 0, picture: null },
    ...{ status: "OFFLINE", lastSeenMs: null, heardAtMs: 0 },
  };
  return { ...people, [userId]: { ...known, ...change } };
}
