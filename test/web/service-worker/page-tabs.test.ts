import { expect, test } from "bun:test";
import { conversationInHash } from "../../../src/web/conversation-address.ts";
import { PageTabs } from "../../../src/web/service-worker/page-tabs.ts";
import { readWorkerMessage } from "../../../src/web/worker-messages.ts";

const PAGE = "https://chat.example/";

/** What happens to the tabs at these addresses, the one looked at last first. */
function tabsAt(...urls: readonly string[]) {
  const happened: unknown[] = [];
  const tabs = new PageTabs({
    pageUrl: PAGE,
    windows: async () =>
      urls.map((url) => ({
        url,
        focus: async () => void happened.push(["focus", url]),
        postMessage: (message) => void happened.push([readWorkerMessage(message), url]),
      })),
    openWindow: async (url) => void happened.push(["open", url]),
  });
  return { tabs, happened };
}

const OPEN = { kind: "open-conversation", conversationId: "dm:alice:bob" } as const;

test("the tab that was looked at last comes to the front, and opens the conversation", async () => {
  const last = `${PAGE}?user=alice#g1`;
  const { tabs, happened } = tabsAt(`${PAGE}api/docs`, last, PAGE);
  await tabs.show(OPEN.conversationId);
  expect(happened).toEqual([
    [OPEN, last],
    ["focus", last],
  ]);
});

test("without a tab the page is opened, with the conversation in its address", async () => {
  const { tabs, happened } = tabsAt(`${PAGE}api/docs`);
  await tabs.show("a b/#join=x");
  expect(happened).toEqual([["open", `${PAGE}#a%20b%2F%23join%3Dx`]]);
  expect(conversationInHash("#a%20b%2F%23join%3Dx")).toBe("a b/#join=x");
});

test("a notice of no conversation leads to the page", async () => {
  const [none, one] = [tabsAt(), tabsAt(PAGE)];
  await none.tabs.show(null);
  await one.tabs.show(null);
  expect([...none.happened, ...one.happened]).toEqual([
    ["open", PAGE],
    ["focus", PAGE],
  ]);
});

test("every tab of the page is told, and no other document", async () => {
  const { tabs, happened } = tabsAt(PAGE, `${PAGE}api/docs`, `${PAGE}#g1`);
  const message = { kind: "subscription-changed" } as const;
  await tabs.tell(message);
  expect(happened).toEqual([
    [message, PAGE],
    [message, `${PAGE}#g1`],
  ]);
});

test("a tab takes nothing else for a message of the worker's", () => {
  for (const value of [null, "x", {}, { kind: "other" }, { kind: OPEN.kind, conversationId: 7 }]) {
    expect(readWorkerMessage(value)).toBeNull();
  }
});

test("links into groups, and what the page did not make, are no conversation", () => {
  for (const hash of ["", "#", "#join=abc", "#%"]) expect(conversationInHash(hash)).toBeNull();
});
