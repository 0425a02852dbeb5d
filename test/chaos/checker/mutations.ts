import type { RuleName } from "./fault.ts";
import { keyOf, type Observation, type SeenMessage } from "./record.ts";
import type { Run } from "./simulation.ts";

/** One lie told about a correct run, and the rule that must see it. */
export interface Mutation {
  readonly name: string;
  readonly rule: RuleName;
  /** Null where the run has nothing to lie about; `pick` chooses among `count` places. */
  readonly apply: (run: Run, pick: (count: number) => number) => Run | null;
}

type Received = Extract<Observation, { kind: "received" }>;
type Confirmed = Extract<Observation, { kind: "confirmed" }>;
type Indexed<Kind> = { readonly at: number; readonly observation: Kind };
type Pick = (count: number) => number;

function received(run: Run): Indexed<Received>[] {
  return run.record.observations.flatMap((observation, at) =>
    observation.kind === "received" ? [{ at, observation }] : [],
  );
}

function confirmed(run: Run): Indexed<Confirmed>[] {
  return run.record.observations.flatMap((observation, at) =>
    observation.kind === "confirmed" ? [{ at, observation }] : [],
  );
}

function choose<Item>(items: readonly Item[], pick: Pick): Item | null {
  return items[pick(items.length)] ?? null;
}

function withObservations(run: Run, observations: readonly Observation[]): Run {
  return { ...run, record: { ...run.record, observations } };
}

function replaced(run: Run, at: number, ...by: readonly Observation[]): Run {
  return withObservations(run, run.record.observations.toSpliced(at, 1, ...by));
}

function inserted(run: Run, at: number, ...observations: readonly Observation[]): Run {
  return withObservations(run, run.record.observations.toSpliced(at, 0, ...observations));
}

function allMessages(run: Run): SeenMessage[] {
  return [...run.history.values()].flat();
}

function withHistory(
  run: Run,
  conversationId: string,
  change: (messages: readonly SeenMessage[]) => readonly SeenMessage[],
): Run {
  const history = new Map(run.history);
  history.set(conversationId, change(history.get(conversationId) ?? []));
  return { ...run, history };
}

function userOf(run: Run, connection: number): string {
  const opened = run.record.observations.find(
    (each) => each.kind === "opened" && each.connection === connection,
  );
  return opened?.kind === "opened" ? opened.userId : "";
}

function deviceOf(run: Run, connection: number): string {
  const opened = run.record.observations.find(
    (each) => each.kind === "opened" && each.connection === connection,
  );
  return opened?.kind === "opened" ? opened.deviceId : "";
}

function survives(run: Run, { id }: SeenMessage): boolean {
  return allMessages(run).some((message) => message.id === id);
}

/** A connection that its device has at the end. */
function lastConnectionOf(run: Run, deviceId: string): number {
  const opened = run.record.observations.findLast(
    (each) => each.kind === "opened" && each.deviceId === deviceId,
  );
  return opened?.kind === "opened" ? opened.connection : 0;
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: "a confirmed message is lost",
    rule: "confirmed-missing",
    apply(run, pick) {
      const lost = choose(allMessages(run), pick);
      if (lost === null) return null;
      return withHistory(run, lost.conversationId, (all) => all.filter((each) => each !== lost));
    },
  },
  {
    name: "a confirmed message is lost, and those behind it move up",
    rule: "confirmed-missing",
    apply(run, pick) {
      const lost = choose(allMessages(run), pick);
      if (lost === null) return null;
      return withHistory(run, lost.conversationId, (all) =>
        all
          .filter((each) => each !== lost)
          .map((each) => (each.seq > lost.seq ? { ...each, seq: each.seq - 1 } : each)),
      );
    },
  },
  {
    name: "a message is kept twice",
    rule: "history-doubled",
    apply(run, pick) {
      const twice = choose(allMessages(run), pick);
      if (twice === null) return null;
      return withHistory(run, twice.conversationId, (all) => [
        ...all,
        { ...twice, id: "another", seq: all.length + 1 },
      ]);
    },
  },
  {
    name: "two messages of the history are swapped",
    rule: "seq-differs",
    apply(run, pick) {
      const first = choose(allMessages(run), pick);
      if (first === null) return null;
      const second = run.history.get(first.conversationId)?.[first.seq];
      if (second === undefined) return null;
      return withHistory(run, first.conversationId, (all) =>
        all.with(first.seq - 1, { ...second, seq: first.seq }).with(first.seq, {
          ...first,
          seq: second.seq,
        }),
      );
    },
  },
  {
    name: "a seq is left out",
    rule: "history-gap",
    apply(run, pick) {
      const from = choose(allMessages(run), pick);
      if (from === null) return null;
      return withHistory(run, from.conversationId, (all) =>
        all.map((each) => (each.seq >= from.seq ? { ...each, seq: each.seq + 1 } : each)),
      );
    },
  },
  {
    name: "content is altered in the history",
    rule: "content-altered",
    apply(run, pick) {
      const altered = choose(allMessages(run), pick);
      if (altered === null) return null;
      return withHistory(run, altered.conversationId, (all) =>
        all.with(altered.seq - 1, { ...altered, digest: "something else" }),
      );
    },
  },
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
    name: "a message comes from nowhere",
    rule: "nobody-sent",
    apply(run, pick) {
      const conversation = choose(run.record.conversations, pick);
      if (conversation === null) return null;
      return withHistory(run, conversation.id, (all) => [
        ...all,
        {
          ...{ conversationId: conversation.id, id: "new", seq: all.length + 1 },
          ...{ senderId: "anna", clientMessageId: "never sent", digest: "" },
        },
      ]);
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
    name: "a refused message is confirmed",
    rule: "refused-confirmed",
    apply(run, pick) {
      const told = choose(confirmed(run), pick);
      if (told === null) return null;
      const { connection, clientMessageId } = told.observation;
      const code = "STORAGE_UNAVAILABLE";
      return inserted(run, told.at, { kind: "refused", connection, clientMessageId, code });
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
