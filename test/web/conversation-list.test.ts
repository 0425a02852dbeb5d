import { expect, test } from "bun:test";
import { ConversationList } from "../../src/web/conversation-list.ts";
import { Store } from "../../src/web/store.ts";
import type { ConversationSummary } from "../../src/web/wire.ts";
import { summary } from "./support.ts";

/** A server with that many conversations, `c0`, `c1` …, and as many archived ones. */
function newList(count: number) {
  const store = new Store("alice");
  const stored = { count };
  const asked: string[] = [];
  const api = {
    async conversations(isArchived: boolean, cursor: string | null, limit: number) {
      asked.push(`${isArchived ? "archived" : "active"} from ${cursor ?? "the top"}`);
      const start = Number(cursor ?? 0);
      const end = Math.min(stored.count, start + limit);
      const conversations = Array.from({ length: end - start }, (_, index) =>
        summary({ id: `${isArchived ? "a" : "c"}${start + index}`, isArchived }),
      );
      return { conversations, next: end < stored.count ? String(end) : null };
    },
    async conversation(id: string): Promise<ConversationSummary> {
      return summary({ id, title: "as it is now" });
    },
  };
  const list = new ConversationList({ api, state: store.state, dispatch: store.dispatch });
  return { list, store, stored, asked };
}

test("both lists are read from the top, and on as far as is wanted", async () => {
  const { list, store, asked } = newList(120);
  expect(await list.refresh()).toHaveLength(100);
  expect(store.state().hasMore).toEqual({ active: true, archived: true });
  await list.more(false);
  expect(store.state().hasMore).toEqual({ active: false, archived: true });
  await list.more(false);
  expect(asked).toEqual(["active from the top", "archived from the top", "active from 50"]);
  expect(Object.keys(store.state().conversations)).toHaveLength(170);
});

test("one that is not at hand is looked for to the end, and no further", async () => {
  const { list, asked, store } = newList(300);
  await list.refresh();
  await list.find("c10");
  expect(asked).toHaveLength(2);
  await list.find("c220");
  expect(store.state().conversations.c220?.isListed).toBe(true);
  expect(asked).toHaveLength(3);
  await list.find("nowhere");
  expect(store.state().hasMore).toEqual({ active: false, archived: false });
  const before = asked.length;
  await list.find("nowhere");
  expect(asked).toHaveLength(before);
});

test("who looks for one before the list was ever read has it read", async () => {
  const { list, asked } = newList(3);
  await list.find("nowhere");
  expect(asked).toHaveLength(2);
});

test("what the whole list has no more, the user has left while nobody listened", async () => {
  const { list, store, stored } = newList(3);
  await list.refresh();
  stored.count = 2;
  await list.refresh();
  const left = Object.values(store.state().conversations).filter(({ isMember }) => !isMember);
  expect(left.map(({ id }) => id)).toEqual(["c2", "a2"]);
  // Of a list that goes on nobody can tell.
  stored.count = 120;
  await list.refresh();
  await list.more(false);
  await list.refresh();
  expect(store.state().conversations.c119?.isMember).toBe(true);
});

test("one is read anew by itself", async () => {
  const { list, store } = newList(3);
  await list.reload("c1");
  expect(store.state().conversations.c1?.title).toBe("as it is now");
});
