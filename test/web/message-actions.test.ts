import { expect, test } from "bun:test";
import { attemptWith } from "../../src/web/attempts.ts";
import { MessageActions } from "../../src/web/message-actions.ts";
import { ApiError } from "../../src/web/requests.ts";
import { Store } from "../../src/web/store.ts";
import { arrived, DM, opened, page, settled, wireMessage } from "./support.ts";

function newActions() {
  const store = new Store("alice");
  const asked: string[] = [];
  const notices: string[] = [];
  const refusals: string[] = [];
  const answers = { fault: null as unknown };
  const answer = async (call: string) => {
    asked.push(call);
    if (answers.fault !== null) throw answers.fault;
  };
  const api = {
    editMessage: (id: string, content: string, mentions: readonly string[]) =>
      answer(`edit ${id} ${content} ${mentions}`),
    deleteMessage: (id: string) => answer(`delete ${id}`),
    react: (id: string, emoji: string | null) => answer(`react ${id} ${emoji}`),
    pin: (id: string, isPinned: boolean) => answer(`pin ${id} ${isPinned}`),
    pins: async () => [wireMessage(2)],
    versions: async () => [],
    placeOf: async () => ({ conversationId: DM, seq: 1 }),
  };
  const open = async () => {};
  const reach = async (_id: string, seq: number) => {
    asked.push(`reach ${seq}`);
    if (answers.fault === null) store.dispatch(page([wireMessage(1), wireMessage(2)], "older"));
  };
  const actions = new MessageActions({
    ...{ api, history: { open, reach }, state: store.state, dispatch: store.dispatch },
    attempt: attemptWith((message) => refusals.push(message)),
    notify: (text) => notices.push(text),
  });
  store.dispatch(opened);
  store.dispatch(arrived(3));
  return { actions, store, asked, notices, refusals, answers };
}

test("what the server refuses is told, and so is that it cannot be reached", async () => {
  const { actions, asked, notices, refusals, answers } = newActions();
  actions.react("id-3", "👍");
  answers.fault = new ApiError(403, "NOT_PERMITTED", "This is for admins");
  actions.pin("id-3", true);
  answers.fault = new TypeError("Failed to fetch");
  actions.edit("id-3", "better", ["bob"]);
  answers.fault = new ApiError(401, "TOKEN_EXPIRED", "The token has expired");
  expect(await actions.delete("id-3")).toEqual({
    ...{ isDone: false, reason: "The token has expired", isFinal: true },
  });
  expect(asked).toEqual(["react id-3 👍", "pin id-3 true", "edit id-3 better bob", "delete id-3"]);
  expect(notices).toEqual([
    "This is for admins",
    "The server cannot be reached. Try again in a moment.",
  ]);
  expect(refusals).toEqual(["The token has expired"]);
});

test("a message that is at hand is shown at once, another one when it has been fetched", async () => {
  const { actions, store, asked } = newActions();
  actions.jumpTo(DM, "id-3");
  await settled();
  expect(store.state().jump).toEqual({ id: 1, conversationId: DM, messageId: "id-3" });
  expect(asked).toEqual([]);
  actions.jumpTo(DM, "id-2", 2);
  await settled();
  expect(store.state().jump).toEqual({ id: 2, conversationId: DM, messageId: "id-2" });
  expect(asked).toEqual(["reach 2"]);
});

test("of one whose place is not known it is asked for; one that is gone leads nowhere", async () => {
  const { actions, store, asked, notices } = newActions();
  actions.jumpTo(DM, "gone");
  await settled();
  expect(asked).toEqual(["reach 1"]);
  expect(store.state().jump).toBeNull();
  expect(notices).toEqual(["That message is not there any more."]);
});

test("one that has disappeared leads nowhere either, though its place is at hand", async () => {
  const { actions, store, notices } = newActions();
  store.dispatch(arrived(4, { expiresMs: 1, isGone: true }));
  actions.jumpTo(DM, "id-4", 4);
  await settled();
  expect(store.state().jump).toBeNull();
  expect(notices).toEqual(["That message is not there any more."]);
});

test("of one that cannot be fetched now it is not said that it is gone", async () => {
  const { actions, answers, notices } = newActions();
  answers.fault = new TypeError("Failed to fetch");
  actions.jumpTo(DM, "id-2", 2);
  await settled();
  expect(notices).toEqual(["The server cannot be reached. Try again in a moment."]);
});

test("the pinned messages are kept with their conversation", async () => {
  const { actions, store } = newActions();
  await actions.loadPins(DM);
  expect(store.state().conversations[DM]?.pins.map(({ id }) => id)).toEqual(["id-2"]);
});
