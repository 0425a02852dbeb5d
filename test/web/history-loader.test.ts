import { expect, test } from "bun:test";
import type { HistoryRange } from "../../src/web/api.ts";
import { hasGap } from "../../src/web/conversation.ts";
import { HistoryLoader } from "../../src/web/history-loader.ts";
import { Store } from "../../src/web/store.ts";
import { FakeClock } from "../support/fake-clock.ts";
import {
  arrived,
  contents,
  DM,
  listed,
  opened,
  scheduleOn,
  settled,
  wireMessage,
} from "./support.ts";

/** A server whose conversation has messages 1 to `stored.last`. */
function newLoader(last: number) {
  const clock = new FakeClock();
  const store = new Store("alice");
  const stored = { last };
  const asked: HistoryRange[] = [];
  const history = async (_id: string, range: HistoryRange) => {
    asked.push(range);
    const { after, before = Number.POSITIVE_INFINITY, limit } = range;
    const seqs = Array.from({ length: stored.last }, (_, index) => index + 1);
    const found = seqs.filter((seq) => seq > (after ?? 0) && seq < before);
    const page = after === undefined ? found.slice(-limit) : found.slice(0, limit);
    return page.map((seq) => wireMessage(seq));
  };
  const faults: unknown[] = [];
  const loader = new HistoryLoader({
    ...{ api: { history }, state: store.state, dispatch: store.dispatch },
    listed: async () => {
      if (stored.last > 0) store.dispatch(listed());
    },
    ...{ schedule: scheduleOn(clock), onPage: () => {}, onFault: (fault) => faults.push(fault) },
  });
  store.dispatch({ kind: "link-changed", link: "online" });
  store.dispatch(opened);
  return { loader, store, stored, asked, clock, faults };
}

test("opens with the newest page and goes back page by page to the first message", async () => {
  const { loader, store, asked } = newLoader(120);
  await loader.open(DM);
  await loader.older(DM);
  await loader.older(DM);
  await loader.older(DM);
  expect(contents(store.state())).toHaveLength(120);
  expect(contents(store.state())[0]).toBe("message 1");
  expect(asked).toEqual([{ limit: 50 }, { before: 71, limit: 50 }, { before: 21, limit: 50 }]);
});

test("goes back to a message in long pages, and stops there", async () => {
  const { loader, store, asked } = newLoader(1_000);
  await loader.open(DM);
  await loader.reach(DM, 600);
  expect(contents(store.state())[0]).toBe("message 551");
  expect(asked.slice(1)).toEqual([
    { before: 951, limit: 200 },
    { before: 751, limit: 200 },
  ]);
  await loader.reach(DM, 600);
  expect(asked).toHaveLength(3);
});

test("goes back no further than there is something, however it is asked for", async () => {
  const { loader, store } = newLoader(60);
  await loader.open(DM);
  await Promise.all([loader.reach(DM, -5), loader.older(DM)]);
  expect(contents(store.state())).toHaveLength(60);
});

test("asks for nothing that the server has not, and shows the chat as loaded", async () => {
  const { loader, store, asked, faults } = newLoader(0);
  await loader.open(DM);
  await loader.fill(DM);
  expect(store.state().conversations[DM]?.isLoaded).toBe(true);
  expect([asked, faults]).toEqual([[], []]);
  store.dispatch(arrived(1));
  await loader.fill(DM);
  expect(asked).toHaveLength(1);
});

test("asks for nothing of a group that the user has left", async () => {
  const { loader, store, asked } = newLoader(120);
  await loader.open(DM);
  store.dispatch({ kind: "conversation-left", conversationId: DM });
  await loader.older(DM);
  await loader.fill(DM);
  expect(asked).toHaveLength(1);
});

test("fills what came meanwhile, to the end", async () => {
  const { loader, store, stored } = newLoader(10);
  await loader.open(DM);
  stored.last = 460;
  await loader.fill(DM);
  expect(contents(store.state())).toHaveLength(460);
});

test("a jump in seq is mended, also when the missing message is stored only later", async () => {
  const { loader, store, stored, clock } = newLoader(3);
  await loader.open(DM);
  store.dispatch(arrived(5));
  loader.mend(DM);
  clock.advance(200);
  await settled();
  expect(hasGapIn(store)).toBe(true);
  stored.last = 5;
  clock.advance(500);
  await settled();
  expect(hasGapIn(store)).toBe(false);
  expect(contents(store.state())).toHaveLength(5);
});

test("what was shown last before the connection was lost is read again", async () => {
  const { loader, store, stored } = newLoader(3);
  await loader.open(DM);
  const lost = { id: "lost", clientMessageId: "lost", content: "lost in a crash" };
  store.dispatch(arrived(4, lost));
  stored.last = 4;
  await loader.fill(DM);
  expect(contents(store.state()).at(-1)).toBe("message 4");
  expect(contents(store.state())).toHaveLength(4);
});

function hasGapIn(store: Store): boolean {
  const conversation = store.state().conversations[DM];
  return conversation !== undefined && hasGap(conversation);
}
