import { allMessages, choose, type Mutation, withHistory } from "./mutation.ts";

/** Lies about what the server kept. */
export const HISTORY_MUTATIONS: readonly Mutation[] = [
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
];
