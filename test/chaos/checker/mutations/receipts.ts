import type { Observation } from "../record.ts";
import {
  choose,
  deviceOf,
  type Indexed,
  inserted,
  lastConnectionOf,
  type Mutation,
  type Received,
  received,
  replaced,
  survives,
  userOf,
  withObservations,
} from "./mutation.ts";

/** Lies about the messages that came. */
export const RECEIPT_MUTATIONS: readonly Mutation[] = [
  {
    name: "content is altered on its way",
    rule: "content-altered",
    apply(run, pick) {
      const altered = choose(received(run), pick);
      if (altered === null) return null;
      const message = { ...altered.observation.message, digest: "something else" };
      return replaced(run, altered.at, { ...altered.observation, message });
    },
  },
  {
    name: "a device never gets a message",
    rule: "receipt-missing",
    apply(run, pick) {
      const kept = received(run).filter(
        ({ observation: { connection, message } }) =>
          survives(run, message) && userOf(run, connection) !== message.senderId,
      );
      const chosen = choose(kept, pick);
      if (chosen === null) return null;
      const { connection, message } = chosen.observation;
      const deviceId = deviceOf(run, connection);
      const observations = run.record.observations.flatMap((each): Observation[] => {
        if (!("connection" in each) || deviceOf(run, each.connection) !== deviceId) return [each];
        if (each.kind === "received" && each.message.id === message.id) return [];
        if (each.kind !== "read") return [each];
        return [{ ...each, ids: each.ids.filter((id) => id !== message.id) }];
      });
      return withObservations(run, observations);
    },
  },
  {
    name: "a connection gets a message twice",
    rule: "received-twice",
    apply(run, pick) {
      const twice = choose(received(run), pick);
      if (twice === null) return null;
      return inserted(run, twice.at + 1, { ...twice.observation, replay: true });
    },
  },
  {
    name: "a later connection gets a message again, unmarked",
    rule: "repeated-unmarked",
    apply(run, pick) {
      const again = choose(
        received(run).filter(({ observation: { connection } }) => {
          return lastConnectionOf(run, deviceOf(run, connection)) !== connection;
        }),
        pick,
      );
      if (again === null) return null;
      const { connection, message } = again.observation;
      const last = lastConnectionOf(run, deviceOf(run, connection));
      const isThere = received(run).some(
        ({ observation }) =>
          observation.connection === last && observation.message.id === message.id,
      );
      if (isThere) return null;
      const { length } = run.record.observations;
      return inserted(run, length, { kind: "received", connection: last, message, replay: false });
    },
  },
  {
    name: "a confirmed message comes again under another id",
    rule: "two-ids",
    apply(run, pick) {
      const again = choose(
        received(run).filter(({ observation: { message } }) => survives(run, message)),
        pick,
      );
      if (again === null) return null;
      const { connection } = again.observation;
      const message = { ...again.observation.message, id: "another", seq: 1_000 };
      const { length } = run.record.observations;
      return inserted(run, length, { kind: "received", connection, message, replay: false });
    },
  },
  {
    name: "two messages of a connection are swapped",
    rule: "receipt-order",
    apply(run, pick) {
      const kept = received(run).filter(({ observation }) => survives(run, observation.message));
      const first = choose(kept, pick);
      if (first === null) return null;
      const { connection, message } = first.observation;
      const second = kept.find(
        ({ at, observation }) =>
          at > first.at &&
          observation.connection === connection &&
          observation.message.conversationId === message.conversationId,
      );
      if (second === undefined) return null;
      return replaced(replaced(run, first.at, second.observation), second.at, first.observation);
    },
  },
  {
    name: "a connection skips a message",
    rule: "receipt-order",
    apply(run, pick) {
      const kept = received(run).filter(({ observation }) => survives(run, observation.message));
      const between = kept.filter(({ at, observation: { connection, message } }) => {
        const isOfLane = (other: Indexed<Received>) =>
          other.observation.connection === connection &&
          other.observation.message.conversationId === message.conversationId;
        return (
          userOf(run, connection) !== message.senderId &&
          kept.some((other) => other.at < at && isOfLane(other)) &&
          kept.some((other) => other.at > at && isOfLane(other)) &&
          !run.record.observations.some(
            (each, place) => place > at && each.kind === "synced" && each.connection === connection,
          )
        );
      });
      const skipped = choose(between, pick);
      return skipped === null ? null : replaced(run, skipped.at);
    },
  },
];
