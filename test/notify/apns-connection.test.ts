import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { openApns } from "../../src/notify/apns.ts";
import { ApnsEndpoint } from "../support/apns-endpoint.ts";
import { APNS_DEVICE, ApnsHarness } from "../support/apns-harness.ts";
import type { FakeClock } from "../support/fake-clock.ts";
import { deliveryOf } from "../support/mobile-notices.ts";
import { noticeOf } from "../support/notices.ts";
import { SilentRelay } from "../support/silent-relay.ts";

let apns: ApnsHarness;
let apple: ApnsEndpoint;
let clock: FakeClock;

beforeEach(async () => {
  apns = await ApnsHarness.start();
  ({ apple, clock } = apns);
});
afterEach(() => apns.stop());

describe("the connection", () => {
  test("is one for all pushes, as many at a time as APNs takes", async () => {
    expect(await apns.sendMany(60)).toEqual(Array(60).fill({ kind: "sent" }));
    expect(await apns.sendMany(60)).toEqual(Array(60).fill({ kind: "sent" }));
    expect(apple.connections).toBe(1);
    expect(apple.mostStreams).toBe(20);
  });

  test("that APNs ends brings what it has begun to its end, and another one takes the rest", async () => {
    await apns.send();
    apple.react = () => "hang";
    const begun = apns.send(noticeOf({ conversationId: "begun" }));
    await apple.hanging(1);
    const others = [apns.send(), apns.send()];
    await apple.hanging(3);
    apple.react = () => undefined;
    apple.goAway(1);
    expect(await Promise.all(others)).toEqual([{ kind: "sent" }, { kind: "sent" }]);
    expect(apple.connections).toBe(2);
    apple.release();
    expect(await begun).toEqual({ kind: "sent" });
    expect(await apns.send()).toEqual({ kind: "sent" });
    expect(apple.connections).toBe(2);
  });

  test("that APNs ends is given up when the last push on it is", async () => {
    await apns.send();
    apple.react = () => "hang";
    const controller = new AbortController();
    const begun = apns.send(noticeOf(), controller.signal);
    await apple.hanging(1);
    apple.react = () => undefined;
    apple.goAway(1);
    await apns.send();
    controller.abort(new Error("no time"));
    await expect(begun).rejects.toThrow("no time");
    clock.advance(5_000);
    expect(await apns.send()).toEqual({ kind: "sent" });
    expect(apple.connections).toBe(2);
  });

  test("that is cut leaves what was under way to be tried later, and the next one works", async () => {
    await apns.send();
    apple.react = () => "hang";
    const lost = apns.send();
    await apple.hanging(1);
    apple.cut();
    const reason = "APNs: no answer (connection lost)";
    expect(await lost).toEqual({ kind: "retry", blames: "provider", reason, afterMs: null });
    apple.react = () => undefined;
    expect(await apns.send()).toEqual({ kind: "sent" });
    expect(apple.connections).toBe(2);
  });

  test("that breaks off without a word is no different", async () => {
    const relay = await SilentRelay.to(apple.port);
    await apns.reopen({ endpoint: relay.url });
    apple.react = () => "hang";
    const lost = apns.send();
    await apple.hanging(1);
    relay.cut();
    expect(await lost).toMatchObject({ kind: "retry", afterMs: null });
    apple.react = () => undefined;
    expect(await apns.send()).toEqual({ kind: "sent" });
    await relay.stop();
  });

  test("goes on when a single push is reset", async () => {
    apple.react = () => "reset";
    expect(await apns.send()).toMatchObject({ kind: "retry", afterMs: null });
    apple.react = () => undefined;
    expect(await apns.send()).toEqual({ kind: "sent" });
    expect(apple.connections).toBe(1);
  });

  test("goes on when a push is given up, also one that waits for its turn", async () => {
    const controller = new AbortController();
    apple.react = () => "hang";
    const hanging = apns.send(noticeOf(), controller.signal);
    await apple.hanging(1);
    apple.react = () => undefined;
    controller.abort(new Error("no time"));
    await expect(hanging).rejects.toThrow("no time");
    await expect(apns.send(noticeOf(), controller.signal)).rejects.toThrow("no time");
    expect(await apns.send()).toEqual({ kind: "sent" });
    expect(apple.connections).toBe(1);
  });

  test("that nobody answers on any more is given up, and another one made", async () => {
    const relay = await SilentRelay.to(apple.port);
    await apns.reopen({ endpoint: relay.url });
    await apns.send();
    relay.setSilent(true);
    const controller = new AbortController();
    const first = apns.send(noticeOf(), controller.signal);
    const second = apns.send();
    await relay.lost;
    controller.abort(new Error("no time"));
    await expect(first).rejects.toThrow("no time");
    clock.advance(5_000);
    expect(await second).toMatchObject({ kind: "retry" });
    relay.setSilent(false);
    expect(await apns.send()).toEqual({ kind: "sent" });
    expect(apple.connections).toBe(2);
    await relay.stop();
  });

  test("that does not come about is not waited for any longer than ten seconds", async () => {
    const relay = await SilentRelay.to(apple.port);
    relay.setSilent(true);
    await apns.reopen({ endpoint: relay.url });
    const controller = new AbortController();
    const impatient = apns.send(noticeOf(), controller.signal);
    const patient = apns.send();
    await relay.lost;
    controller.abort(new Error("no time"));
    await expect(impatient).rejects.toThrow("no time");
    clock.advance(10_000);
    const reason = "APNs: no connection in time";
    expect(await patient).toEqual({ kind: "retry", blames: "provider", reason, afterMs: null });
    relay.setSilent(false);
    expect(await apns.send()).toEqual({ kind: "sent" });
    await relay.stop();
  });

  test("is without TLS where the end point is one of this machine, and http", async () => {
    const plain = await ApnsEndpoint.start(clock, "http");
    await apns.reopen({ endpoint: plain.url });
    expect(await apns.sendMany(30)).toEqual(Array(30).fill({ kind: "sent" }));
    expect(plain.connections).toBe(1);
    await apns.stopProvider();
    await plain.stop();
  });

  test("is made with nobody whose certificate is not trusted", async () => {
    const provider = openApns(apns.settings(), clock);
    const outcome = await provider?.send(
      deliveryOf("apns", APNS_DEVICE),
      new AbortController().signal,
    );
    expect(outcome).toEqual({
      ...{ kind: "retry", blames: "provider" },
      ...{ reason: "APNs: no connection (DEPTH_ZERO_SELF_SIGNED_CERT)" },
      afterMs: null,
    });
    expect(apple.pushes).toHaveLength(0);
  });

  test("to nobody is tried later", async () => {
    await apple.stop();
    const outcome = await apns.send();
    const reason = "APNs: no connection (ECONNREFUSED)";
    expect(outcome).toEqual({ kind: "retry", blames: "provider", reason, afterMs: null });
  });

  test("ends with the provider, and with it what is under way", async () => {
    apple.react = () => "hang";
    const sending = apns.send();
    await apple.hanging(1);
    await apns.stopProvider();
    expect(await sending).toMatchObject({ kind: "retry" });
    expect(clock.scheduledCount).toBe(1);
  });
});
