import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../src/clock.ts";
import { loadSettings } from "../src/config.ts";
import { OutboundClient } from "../src/notify/outbound.ts";
import type { DeadLetter } from "../src/notify/ports.ts";
import { WebhookEndpoint } from "../src/notify/webhook-endpoint.ts";
import { deliveryFailed, presenceChanged, webhookBody } from "../src/notify/webhook-events.ts";
import type { WebhookEvent } from "../src/notify/webhook-ports.ts";
import { WebhookSigner } from "../src/notify/webhook-signature.ts";
import { message } from "./support/stored.ts";

const DOCS = join(import.meta.dir, "../docs");
const PAGE = readFileSync(join(DOCS, "webhooks.md"), "utf8");

const examples = [...PAGE.matchAll(/```json\n([\s\S]*?)```/g)].map(([, json = ""]) =>
  JSON.parse(json),
);
const timeMs = Date.UTC(2026, 0, 1);
const due = { position: 1, attempts: 0, message: null };

describe("the examples of events are what is sent:", () => {
  const { data } = examples[0];
  const about = { type: "message.created", lane: data.conversationId, createdMs: timeMs };
  const event: WebhookEvent = { ...about, id: data.id, data: null };
  const said = message(17, {
    ...{ id: data.id, conversationId: data.conversationId, content: "Hello" },
    timestampMs: timeMs,
  });
  const presence = JSON.stringify({
    ...{ userId: "alice", status: "AWAY", lastSeen: "2026-01-01T00:00:00.000Z" },
  });
  const letter: DeadLetter = {
    ...{ ...examples[3].data, id: examples[3].data.letterId, diedMs: timeMs },
    ...{ targetId: null, seq: 1, eventId: null, eventType: null },
  };

  test.each([
    ["a message", { ...due, ...event, message: said }],
    ["a message that was removed", { ...due, ...event }],
    ["presence", { ...due, ...presenceChanged("e", "alice", presence, timeMs) }],
    ["a failure", { ...due, ...event, ...deliveryFailed(letter) }],
  ])("%s", (name, sent) => {
    const names = ["a message", "a message that was removed", "presence", "a failure"];
    expect(JSON.parse(webhookBody(sent, timeMs))).toEqual(examples[names.indexOf(name)]);
  });

  test("and no others", () => {
    expect(examples).toHaveLength(4);
  });
});

test("the configuration is accepted", () => {
  const toml = /```toml\n([\s\S]*?)```/.exec(PAGE)?.[1];
  const { settings } = loadSettings({
    ...{ argv: [], env: {}, cwd: "/srv" },
    readFile: (path) => (path === "/srv/parley.toml" ? toml : undefined),
  });
  expect(settings.eventWebhook.url).toBe("https://app.example/parley/events");
  expect(settings.eventWebhook.timeoutMs).toBe(15_000);
});

describe("the receiver, as it stands,", () => {
  const SECRET = `whsec_${Buffer.alloc(32, 9).toString("base64")}`;
  const client = new OutboundClient({ allow: ["127.0.0.1"] });
  let child: Bun.Subprocess<"ignore", "pipe", "inherit"> | undefined;

  afterAll(() => {
    child?.kill("SIGKILL");
    client.close();
  });

  test("takes what is genuine, once, and nothing else", async () => {
    const env = { PATH: process.env.PATH ?? "", PORT: "0", WEBHOOK_SECRET: SECRET };
    child = Bun.spawn(["node", join(DOCS, "examples/webhook-receiver.mjs")], {
      ...{ env, stdin: "ignore", stdout: "pipe", stderr: "inherit" },
    });
    const reader = child.stdout.getReader();
    const line = async () => new TextDecoder().decode((await reader.read()).value).trim();
    const url = await line();
    const other = `whsec_${Buffer.alloc(32, 8).toString("base64")}`;
    const tell = (secrets: readonly string[], id: string) => {
      const signer = new WebhookSigner(secrets);
      const options = { url, signer, client, timeoutMs: 10_000, clock: systemClock };
      const event = presenceChanged(id, "alice", `{"userId":"${id}"}`, timeMs);
      return new WebhookEndpoint(options).tell({ ...due, ...event }, new AbortController().signal);
    };
    expect(await tell([other], "forged")).toMatchObject({ reason: "answered 400" });
    expect(await tell([other, SECRET], "first")).toEqual({ kind: "taken" });
    expect(await line()).toBe("presence.changed first");
    expect(await tell([SECRET], "first")).toEqual({ kind: "taken" });
    expect(await tell([SECRET], "second")).toEqual({ kind: "taken" });
    expect(await line()).toBe("presence.changed second");
  });
});
