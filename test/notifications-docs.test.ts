import { afterAll, beforeAll, expect, test } from "bun:test";
import { DEFAULT_PREFERENCES } from "../src/notify/preferences.ts";
import { NOTICE_CHANNELS } from "../src/notify/provider.ts";
import { memoryStorage } from "../src/storage/memory.ts";
import { type NotificationsServer, startNotifications } from "./support/notifications-server.ts";

const page = await Bun.file("docs/notifications.md").text();
const snippets = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(([, json = ""]) => json);
const [preferences = "", ...targets] = snippets;

let server: NotificationsServer;

beforeAll(() => {
  server = startNotifications(memoryStorage().notices);
});

afterAll(() => server.stop());

const ask = (method: string, path: string, body: string) =>
  fetch(`${server.url}/api/notifications${path}`, {
    method,
    body,
    headers: { "X-User-Id": "ada" },
  });

test("the server takes what is shown of preferences and targets", async () => {
  const changed = await ask("PATCH", "", preferences);
  expect((await changed.json()).preferences).toEqual({
    ...DEFAULT_PREFERENCES,
    ...JSON.parse(preferences),
  });
  expect(targets).toHaveLength(2);
  for (const target of targets) {
    const { channel, address } = JSON.parse(target);
    const added = await ask("POST", "/targets", target);
    expect(await added.json()).toMatchObject({ channel, address });
    expect(added.status).toBe(201);
  }
});

test("the page names each preference with its default, and each channel", () => {
  for (const [name, byDefault] of Object.entries(DEFAULT_PREFERENCES)) {
    expect(page).toMatch(new RegExp(`\\| \`${name}\` +\\| \`${byDefault}\``));
  }
  for (const channel of ["web push", "FCM", "APNs", "e-mail"]) expect(page).toContain(channel);
  expect(NOTICE_CHANNELS).toHaveLength(4);
});
