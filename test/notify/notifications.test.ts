import { beforeEach, describe, expect, spyOn, test } from "bun:test";
import { newUuid } from "../../src/ids.ts";
import { Notifications } from "../../src/notify/notifications.ts";
import { OutboundAddresses } from "../../src/notify/outbound-addresses.ts";
import { refusalOfUrl } from "../../src/notify/outbound-url.ts";
import { DEFAULT_PREFERENCES } from "../../src/notify/preferences.ts";
import { NOTICE_CHANNELS } from "../../src/notify/provider.ts";
import { memoryStorage } from "../../src/storage/memory.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { pushKeys } from "../support/push-subscription.ts";
import { refusalOf } from "../support/refusal.ts";

let clock: FakeClock;
let store: Storage["notices"];
let notifications: Notifications;

beforeEach(() => {
  clock = new FakeClock();
  store = memoryStorage().notices;
  notifications = new Notifications({
    ...{ store, channels: NOTICE_CHANNELS, webPushKey: null, clock, newId: newUuid },
    refusalOf: (url) => refusalOfUrl(url, new OutboundAddresses([])),
  });
});

const phone = (token: string) => ({ channel: "fcm", address: token, keys: null }) as const;
const browser = (address = "https://push.example/1", keys = pushKeys()) =>
  ({ channel: "webpush", address, keys }) as const;

describe("preferences", () => {
  test("are those of everybody until the user changes them", async () => {
    expect(await notifications.preferencesOf("alice")).toEqual(DEFAULT_PREFERENCES);
    const changed = { ...DEFAULT_PREFERENCES, groups: "mentions" } as const;
    expect(await notifications.changePreferences("alice", { groups: "mentions" })).toEqual(changed);
    expect(await notifications.preferencesOf("alice")).toEqual(changed);
    expect(await notifications.preferencesOf("bob")).toEqual(DEFAULT_PREFERENCES);
  });

  test("changed at once in several places have every change", async () => {
    await Promise.all([
      notifications.changePreferences("alice", { push: false }),
      notifications.changePreferences("alice", { email: false }),
      notifications.changePreferences("alice", { previews: false }),
    ]);
    expect(await notifications.preferencesOf("alice")).toEqual({
      ...DEFAULT_PREFERENCES,
      ...{ push: false, email: false, previews: false },
    });
  });

  test("can be changed after a change that the store refused", async () => {
    const refused = spyOn(store, "putPreferences").mockRejectedValueOnce(
      new Error("the disk is full"),
    );
    const change = notifications.changePreferences("alice", { push: false });
    await expect(change).rejects.toThrow("the disk is full");
    refused.mockRestore();
    expect(await notifications.changePreferences("alice", { email: false })).toEqual({
      ...DEFAULT_PREFERENCES,
      email: false,
    });
  });
});

describe("targets", () => {
  test("are the user's own, with the time of their making", async () => {
    const { target, isNew } = await notifications.addTarget("alice", phone("token"), false);
    expect(isNew).toBe(true);
    expect(target).toEqual({
      ...{ id: expect.any(String), userId: "alice", channel: "fcm", address: "token" },
      ...{ keys: null, createdMs: clock.now() },
    });
    expect(await notifications.targetsOf("alice")).toEqual([target]);
    expect(await notifications.targetsOf("bob")).toEqual([]);
  });

  test("that are there already stay as they are, by the address as it is kept", async () => {
    const wish = browser("https://push.example/1");
    const first = await notifications.addTarget("alice", wish, false);
    const again = { ...wish, address: "HTTPS://push.example:443/1" };
    expect(await notifications.addTarget("alice", again, false)).toEqual({
      ...first,
      isNew: false,
    });
    const other = { ...wish, address: "https://push.example/2" };
    expect((await notifications.addTarget("alice", other, false)).isNew).toBe(true);
  });

  test("with other keys are others, in place of the former ones", async () => {
    const first = await notifications.addTarget("alice", browser(), false);
    const second = await notifications.addTarget("alice", browser(), false);
    expect(second.isNew).toBe(true);
    expect(second.target.id).not.toBe(first.target.id);
    expect(await notifications.targetsOf("alice")).toEqual([second.target]);
  });

  test("go over to the user who signs in there", async () => {
    await notifications.addTarget("alice", phone("token"), false);
    const { target, isNew } = await notifications.addTarget("bob", phone("token"), false);
    expect(isNew).toBe(true);
    expect(await notifications.targetsOf("alice")).toEqual([]);
    expect(await notifications.targetsOf("bob")).toEqual([target]);
  });

  test("are removed by their user alone", async () => {
    const { target } = await notifications.addTarget("alice", phone("token"), false);
    await notifications.removeTarget("bob", target.id);
    expect(await notifications.targetsOf("alice")).toEqual([target]);
    await notifications.removeTarget("alice", target.id);
    await notifications.removeTarget("alice", target.id);
    expect(await notifications.targetsOf("alice")).toEqual([]);
  });

  test("are at most 20, also when they come at once; none goes for another", async () => {
    const wishes = Array.from({ length: 25 }, (_, index) => phone(`token-${index}`));
    const codes = await Promise.all(
      wishes.map((wish) => refusalOf(() => notifications.addTarget("alice", wish, false))),
    );
    expect(codes.filter((code) => code === "TOO_MANY_TARGETS")).toHaveLength(5);
    const targets = await notifications.targetsOf("alice");
    expect(targets.map(({ address }) => address)).toEqual(
      wishes.slice(0, 20).map(({ address }) => address),
    );
    // What is there already is no further one.
    expect((await notifications.addTarget("alice", phone("token-0"), false)).isNew).toBe(false);
    await notifications.removeTarget("alice", targets[0]?.id ?? "");
    expect((await notifications.addTarget("alice", browser(), false)).isNew).toBe(true);
    expect((await notifications.addTarget("alice", browser(), false)).isNew).toBe(true);
    expect(await notifications.targetsOf("alice")).toHaveLength(20);
  });

  test("by e-mail are for the back end to make, and for the user to remove", async () => {
    const mail = { channel: "email", address: "alice@example.org", keys: null } as const;
    const add = (isServer: boolean) => notifications.addTarget("alice", mail, isServer);
    expect(await refusalOf(() => add(false))).toBe("NOT_PERMITTED");
    const { target } = await add(true);
    expect(await refusalOf(() => add(false))).toBe("NOT_PERMITTED");
    await notifications.removeTarget("alice", target.id);
    expect(await notifications.targetsOf("alice")).toEqual([]);
  });

  test("are of channels that the server has", async () => {
    const few = new Notifications({
      ...{ store, channels: ["fcm"], webPushKey: null, clock, newId: newUuid },
      refusalOf: () => null,
    });
    expect(await refusalOf(() => few.addTarget("alice", browser(), false))).toBe(
      "CHANNEL_NOT_AVAILABLE",
    );
    expect((await few.addTarget("alice", phone("token"), false)).isNew).toBe(true);
  });

  test.each([
    ["https://127.0.0.1/push", "leads to an address that is not public"],
    ["https://127.1/push", "leads to an address that is not public"],
    ["https://0x7f000001/push", "leads to an address that is not public"],
    ["https://2130706433/push", "leads to an address that is not public"],
    ["https://[::1]/push", "leads to an address that is not public"],
    ["https://[::ffff:7f00:1]/push", "leads to an address that is not public"],
    ["https://localhost/push", "leads to an address that is not public"],
    ["https://db.localhost./push", "leads to an address that is not public"],
    ["https://10.0.0.1/push", "leads to an address that is not public"],
    ["https://169.254.169.254/latest/meta-data", "leads to an address that is not public"],
    ["https://[fd00::1]/push", "leads to an address that is not public"],
    ["http://push.example.com/push", "is not of https"],
    ["http://93.184.215.14/push", "is not of https"],
    ["file:///etc/passwd", "is not of https"],
    ["javascript:alert(1)", "is not of https"],
    ["https://alice:secret@push.example.com/", "has a user name or a password"],
  ])("at %s are refused: it %s", async (address, refusal) => {
    const refused = notifications.addTarget("alice", browser(address), false);
    await expect(refused).rejects.toThrow(`address: ${refusal}`);
    expect(await store.targetsOf("alice")).toEqual([]);
  });

  test("are where the operator allows it, too", async () => {
    const inside = new Notifications({
      ...{ store, channels: NOTICE_CHANNELS, webPushKey: null, clock, newId: newUuid },
      refusalOf: (url) => refusalOfUrl(url, new OutboundAddresses(["192.168.7.7"])),
    });
    const wish = browser("http://192.168.7.7/push");
    expect((await inside.addTarget("alice", wish, false)).isNew).toBe(true);
  });
});
