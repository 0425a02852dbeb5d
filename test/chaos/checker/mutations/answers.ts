import { keyOf, type Observation } from "../record.ts";
import type { Run } from "../simulation.ts";
import {
  type Confirmed,
  choose,
  confirmed,
  deviceOf,
  type Indexed,
  inserted,
  type Mutation,
  openingOf,
  received,
  replaced,
  survives,
  userOf,
  withObservations,
} from "./mutation.ts";

/** Lies about what the server said: SENT, DELIVERED, SYNCED. */
export const ANSWER_MUTATIONS: readonly Mutation[] = [
  {
    name: "SYNCED comes before what it speaks of",
    rule: "synced-early",
    apply(run, pick) {
      const replayed = received(run).filter(({ at, observation }) => {
        const { connection, message, replay } = observation;
        const isFirst = !received(run).some(
          (other) =>
            other.at < at &&
            other.observation.message.id === message.id &&
            deviceOf(run, other.observation.connection) === deviceOf(run, connection),
        );
        const isOthers = userOf(run, connection) !== message.senderId;
        const isConfirmed = confirmed(run).some(
          (each) => each.at < at && each.observation.id === message.id,
        );
        return replay && isFirst && isOthers && isConfirmed && survives(run, message);
      });
      const late = choose(replayed, pick);
      if (late === null) return null;
      const { observations } = run.record;
      const { connection } = late.observation;
      const syncedAt = observations.findIndex(
        (each) => each.kind === "synced" && each.connection === connection,
      );
      const moved = observations.toSpliced(syncedAt + 1, 0, late.observation);
      return withObservations(run, moved.toSpliced(late.at, 1));
    },
  },
  {
    name: "a device that saw what a crash took is not told to resync",
    rule: "resync-missing",
    apply(run, pick) {
      const told = run.record.observations.flatMap((observation, at) =>
        observation.kind === "synced" ? [{ at, observation }] : [],
      );
      const resyncs = told.flatMap(({ at, observation }) =>
        [...observation.conversations].flatMap(([id, { seq, resync }]) =>
          resync ? [{ at, observation, id, seq }] : [],
        ),
      );
      const chosen = choose(resyncs, pick);
      if (chosen === null) return null;
      const { at, observation, id, seq } = chosen;
      const conversations = new Map(observation.conversations).set(id, { seq, resync: false });
      return replaced(run, at, { ...observation, conversations });
    },
  },
  {
    name: "a message is confirmed under two ids",
    rule: "confirmed-twice",
    apply(run, pick) {
      const first = choose(confirmed(run), pick);
      if (first === null) return null;
      return inserted(run, first.at + 1, { ...first.observation, id: "another" });
    },
  },
  {
    name: "a confirmation goes to somebody else",
    rule: "foreign-confirmation",
    apply(run, pick) {
      const stray = choose(confirmed(run), pick);
      if (stray === null) return null;
      const { connection, clientMessageId } = stray.observation;
      const userId = userOf(run, connection);
      const other = run.record.observations.find(
        (each) =>
          each.kind === "opened" &&
          each.userId !== userId &&
          !run.history
            .values()
            .some((messages) =>
              messages.some(
                (message) =>
                  keyOf(message.senderId, message.clientMessageId) ===
                  keyOf(each.userId, clientMessageId),
              ),
            ),
      );
      if (other?.kind !== "opened") return null;
      const { length } = run.record.observations;
      return inserted(run, length, { ...stray.observation, connection: other.connection });
    },
  },
  {
    name: "a message is confirmed that each server has refused to which it was sent",
    rule: "refused-confirmed",
    apply(run, pick) {
      const told = choose(confirmed(run), pick);
      if (told === null) return null;
      // From the end, or the places would be others.
      return sendsBefore(run, told).reduceRight(
        (refused, { at, observation }) => inserted(refused, at + 1, refusalOf(observation)),
        run,
      );
    },
  },
  {
    name: "a message is confirmed that its server has refused over a later connection",
    rule: "refused-confirmed",
    apply(run, pick) {
      const ofOneServer = confirmed(run).filter((told) => {
        const sends = sendsBefore(run, told);
        const nodes = sends.map(({ observation }) => openingOf(run, observation.connection).node);
        return new Set(nodes).size === 1;
      });
      const told = choose(ofOneServer, pick);
      const send = told === null ? undefined : sendsBefore(run, told)[0]?.observation;
      if (told === null || send === undefined) return null;
      const later = { connection: 1_000_000 };
      const again = { ...send, ...later };
      const opening = { ...openingOf(run, send.connection), ...later };
      return inserted(run, told.at, opening, again, refusalOf(again));
    },
  },
  {
    name: "DELIVERED comes before anybody has the message",
    rule: "delivered-early",
    apply(run, pick) {
      const sender = choose(
        run.record.observations.filter((each) => each.kind === "opened"),
        pick,
      );
      if (sender === null) return null;
      const { connection } = sender;
      const told = { conversationId: "group", id: "any", seq: 1_000 };
      const { length } = run.record.observations;
      return inserted(run, length, { kind: "delivered", connection, ...told });
    },
  },
];

type Sent = Extract<Observation, { kind: "sent" }>;

/** Of the message that is confirmed there. */
function sendsBefore(run: Run, { at, observation }: Indexed<Confirmed>): Indexed<Sent>[] {
  const { connection, clientMessageId } = observation;
  const senderId = userOf(run, connection);
  return run.record.observations.slice(0, at).flatMap((each, place) => {
    if (each.kind !== "sent" || each.clientMessageId !== clientMessageId) return [];
    return userOf(run, each.connection) === senderId ? [{ at: place, observation: each }] : [];
  });
}

function refusalOf({ connection, clientMessageId }: Sent): Observation {
  return { kind: "refused", connection, clientMessageId, code: "STORAGE_UNAVAILABLE" };
}
