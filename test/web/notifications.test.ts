import { describe, expect, test } from "bun:test";
import { attemptWith, UNREACHABLE } from "../../src/web/attempts.ts";
import { Notifications } from "../../src/web/notifications.ts";
import { recallPushOwner } from "../../src/web/push-owner.ts";
import { Store } from "../../src/web/store.ts";
import {
  FakeBrowser,
  FakeNotificationsApi,
  PREFERENCES,
  subscription,
} from "../support/fake-browser.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { MemoryStorage, scheduleOn, settled } from "./support.ts";

/** A user in front of a browser; others may have been in front of it. */
function userAt(
  userId = "alice",
  at = { browser: new FakeBrowser(), storage: new MemoryStorage() },
) {
  const clock = new FakeClock();
  const api = new FakeNotificationsApi();
  const store = new Store(userId);
  const faults: unknown[] = [];
  const notifications = new Notifications({
    ...{ userId, api, ...at, attempt: attemptWith(() => {}), schedule: scheduleOn(clock) },
    ...{ state: store.state, dispatch: store.dispatch },
    onFault: (fault) => faults.push(fault),
  });
  const shown = () => store.state().notifications;
  const owner = () => recallPushOwner(at.storage);
  return { notifications, api, at, clock, faults, owner, shown, ...at };
}

async function userWithNotices(userId = "alice", at?: ReturnType<typeof userAt>["at"]) {
  const user = userAt(userId, at);
  await user.notifications.begin();
  await settled();
  expect(await user.notifications.switchOn()).toMatchObject({ isDone: true });
  user.api.asked();
  return user;
}

const refusal = (reason: string) => ({ isDone: false, reason, isFinal: false }) as const;

describe("what is shown", () => {
  test("is nothing where the server tells nobody", async () => {
    const { notifications, api, shown } = userAt();
    api.answer = null;
    await notifications.begin();
    await settled();
    expect(shown()).toBeNull();
    expect(api.asked()).toEqual(["setup"]);
  });

  test("is what the user wishes, and that the browser is off, which nobody has asked yet", async () => {
    const { notifications, api, browser, shown } = userAt();
    await notifications.begin();
    await settled();
    expect(shown()).toEqual({
      ...{ preferences: PREFERENCES, hasEmail: false, webPushKey: "key-1", browser: "off" },
    });
    expect(browser.allowed).toBe("default");
    expect(api.asked()).toEqual(["setup", "targets"]);
    await notifications.begin(); // Another connection.
    expect(api.asked()).toEqual([]);
  });

  test.each(["unsupported", "insecure"] as const)("is a browser that is %s", async (support) => {
    const { notifications, browser, shown, faults } = userAt();
    browser.support = support;
    await notifications.begin();
    await settled();
    expect(shown()?.browser).toBe(support);
    expect(faults).toEqual([]);
  });

  test("is what the user has forbidden the browser, even while the settings are open", async () => {
    const { notifications, browser, shown } = await userWithNotices();
    expect(shown()?.browser).toBe("on");
    browser.allowed = "denied";
    await notifications.load();
    expect(shown()?.browser).toBe("denied");
  });

  test("has e-mail where the server has an address to write to", async () => {
    const { notifications, api, shown } = userAt();
    api.hasEmail = true;
    await notifications.begin();
    expect(shown()?.hasEmail).toBe(true);
  });

  test("is asked for again where the server did not answer", async () => {
    const { notifications, api, shown } = userAt();
    api.fault = new TypeError("No network");
    await expect(notifications.begin()).rejects.toThrow("No network");
    api.fault = null;
    await notifications.begin();
    expect(shown()?.browser).toBe("off");
  });
});

describe("notices in this browser", () => {
  test("are switched on and off", async () => {
    const { notifications, api, browser, shown, owner } = userAt();
    await notifications.begin();
    await settled();
    api.asked();
    expect(await notifications.switchOn()).toMatchObject({ isDone: true });
    expect(shown()?.browser).toBe("on");
    expect(browser.current?.serverKey).toBe("key-1");
    expect(api.asked()).toEqual(["add target of end-1"]);
    expect(owner()).toEqual({ userId: "alice", targetId: "target of end-1" });
    expect(await notifications.switchOff()).toMatchObject({ isDone: true });
    expect(shown()?.browser).toBe("off");
    expect(browser.current).toBeNull();
    expect(api.asked()).toEqual(["remove target of end-1"]);
    expect(owner()).toBeNull();
  });

  test("are what the user wishes then, whatever they wished before", async () => {
    const { notifications, api, shown } = userAt();
    const preferences = { ...PREFERENCES, push: false };
    api.answer = { channels: ["webpush"], webPushKey: "key-1", preferences };
    await notifications.begin();
    await settled();
    await notifications.switchOn();
    expect(shown()).toMatchObject({ browser: "on", preferences: { push: true } });
    expect(api.asked()).toContain('change {"push":true}');
  });

  test.each([
    ["denied", "denied"],
    ["default", "off"],
  ] as const)("are not when the user answers %s", async (answer, status) => {
    const { notifications, api, browser, shown } = userAt();
    browser.answer = answer;
    await notifications.begin();
    await settled();
    api.asked();
    expect(await notifications.switchOn()).toEqual(
      refusal("The browser was not allowed to show notifications."),
    );
    expect(shown()?.browser).toBe(status);
    expect(api.asked()).toEqual([]);
  });

  test("are not without a push service, be it that it refuses or that it is silent", async () => {
    const { notifications, browser, clock, shown } = userAt();
    const noService = refusal("The browser's push service cannot be reached. Try again later.");
    await notifications.begin();
    browser.fault = new DOMException("Registration failed", "AbortError");
    expect(await notifications.switchOn()).toEqual(noService);
    browser.fault = null;
    browser.isSilent = true;
    const outcome = notifications.switchOn();
    await settled();
    clock.advance(30_000);
    expect(await outcome).toEqual(noService);
    expect(shown()?.browser).toBe("off");
  });

  test("stay as they are where the server cannot be reached, and the user is told", async () => {
    const { notifications, api, browser, shown } = await userWithNotices();
    api.fault = new TypeError("No network");
    expect(await notifications.switchOff()).toEqual(refusal(UNREACHABLE));
    expect(shown()?.browser).toBe("on");
    expect(browser.current).not.toBeNull();
  });
});

describe("a user who comes back", () => {
  /** Notices are on, and the page is opened anew. */
  async function back(change: (browser: FakeBrowser) => void, key = "key-1") {
    const { at } = await userWithNotices();
    change(at.browser);
    const user = userAt("alice", at);
    user.api.answer = { channels: ["webpush"], webPushKey: key, preferences: PREFERENCES };
    await user.notifications.begin();
    await settled();
    return user;
  }

  test("is where they were: the server is told again, which may have forgotten", async () => {
    const { api, shown } = await back(() => {});
    expect(api.asked()).toEqual(["setup", "add target of end-1"]);
    expect(shown()?.browser).toBe("on");
  });

  test("has another subscription, if the browser made one: the server forgets the first", async () => {
    const { api, owner } = await back((browser) => {
      browser.current = subscription("end-7", "key-1");
    });
    expect(api.asked()).toEqual(["setup", "add target of end-7", "remove target of end-1"]);
    expect(owner()?.targetId).toBe("target of end-7");
  });

  test("has a new one, if theirs is over or the server has another key", async () => {
    const lost = await back((browser) => {
      browser.current = null;
    });
    expect(lost.api.asked()).toEqual(["setup", "add target of end-2", "remove target of end-1"]);
    const renewed = await back(() => {}, "key-2");
    expect(renewed.browser.current?.serverKey).toBe("key-2");
    expect(renewed.api.asked()).toEqual(["setup", "add target of end-2", "remove target of end-1"]);
  });

  test("is told off where the push service is silent, and nothing waits for it", async () => {
    const { shown, clock, faults } = await back((browser) => {
      browser.current = null;
      browser.isSilent = true;
    });
    expect(shown()?.browser).toBe("off");
    clock.advance(30_000);
    await settled();
    expect(shown()?.browser).toBe("off");
    expect(faults).toEqual([]);
  });

  test("has none any more if they have taken the permission from the page", async () => {
    const { api, shown, owner } = await back((browser) => {
      browser.allowed = "default";
    });
    expect(api.asked()).toEqual(["setup", "remove target of end-1"]);
    expect(shown()?.browser).toBe("off");
    expect(owner()).toBeNull();
  });

  test("tells the server when the browser renews the subscription meanwhile", async () => {
    const { notifications, api, browser } = await userWithNotices();
    browser.current = subscription("end-8", "key-1");
    await notifications.renew();
    expect(api.asked()).toEqual(["add target of end-8", "remove target of end-1"]);
  });
});

describe("in a browser that several users use", () => {
  test("who signs out is told of nothing there any more", async () => {
    const { notifications, api, browser, owner } = await userWithNotices();
    await notifications.signOut();
    expect(browser.current).toBeNull();
    expect(owner()).toBeNull();
    expect(api.asked()).toEqual(["remove target of end-1"]);
  });

  test("neither is who signs out while the server cannot be reached", async () => {
    const { notifications, api, browser, owner } = await userWithNotices();
    api.fault = new TypeError("No network");
    await notifications.signOut();
    expect(browser.current).toBeNull();
    expect(owner()).toBeNull();
  });

  test("another user's messages are not shown to who signs in after them", async () => {
    const { at } = await userWithNotices("alice");
    const bob = userAt("bob", at);
    await bob.notifications.begin();
    await settled();
    expect(at.browser.current).toBeNull();
    expect(bob.owner()).toBeNull();
    expect(bob.shown()?.browser).toBe("off");
    // The server, which knows who asks, has nothing of Bob's to remove.
    expect(bob.api.asked()).toEqual(["setup", "targets"]);
  });

  test("who signs out leaves alone what another one has switched on since", async () => {
    const alice = await userWithNotices("alice");
    const bob = await userWithNotices("bob", alice.at);
    await alice.notifications.signOut();
    expect(bob.owner()?.userId).toBe("bob");
    expect(bob.browser.current).not.toBeNull();
    expect(alice.api.asked()).toEqual([]);
  });
});

test("a change of what the user wishes shows when the server has it, or why it has not", async () => {
  const { notifications, api, shown } = userAt();
  await notifications.begin();
  const quietHours = { from: "22:00", to: "07:00", timeZone: "Europe/Vienna" };
  await notifications.change({ quietHours });
  await notifications.change({ groups: "mentions" });
  expect(shown()?.preferences).toEqual({ ...PREFERENCES, groups: "mentions", quietHours });
  api.fault = new TypeError("No network");
  expect(await notifications.change({ previews: false })).toEqual(refusal(UNREACHABLE));
  expect(shown()?.preferences.previews).toBe(true);
});

test("what was shown of a conversation is taken back when it is looked at", () => {
  const { notifications, browser } = userAt();
  notifications.seen("g1");
  expect(browser.closed).toEqual(["g1"]);
});
