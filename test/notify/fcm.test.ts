import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { type FcmSettings, openFcm } from "../../src/notify/fcm.ts";
import type { Notice, NoticeProvider, SendOutcome } from "../../src/notify/provider.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { FcmEndpoint, fcmError } from "../support/fcm-endpoint.ts";
import { deliveryOf } from "../support/mobile-notices.ts";
import { noticeOf } from "../support/notices.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const folder = new TemporaryFolder();
afterAll(() => folder[Symbol.dispose]());

let clock: FakeClock;
let google: FcmEndpoint;
let fcm: NoticeProvider;

beforeEach(() => {
  clock = new FakeClock();
  google = new FcmEndpoint(clock);
  fcm = opened({});
});
afterEach(async () => {
  await fcm.stop();
  await google.stop();
});

function opened(given: Partial<FcmSettings>): NoticeProvider {
  const settings = {
    ...{ serviceAccountFile: google.keyFile(folder.path), endpoint: google.url },
    ...{ showContent: true, ttlMs: 3_600_000, concurrency: 4 },
    ...given,
  };
  const provider = openFcm(settings, clock);
  if (provider === null) throw new Error("not opened");
  return provider;
}

function send(notice: Notice = noticeOf(), signal = new AbortController().signal) {
  return fcm.send(deliveryOf("fcm", "device-token:1", notice), signal);
}

async function outcomeOf(answer: () => Response | Promise<Response>): Promise<SendOutcome> {
  google.answer = answer;
  return await send();
}

test("without a key file there is no provider", () => {
  const settings = { endpoint: google.url, showContent: true, ttlMs: 0, concurrency: 1 };
  expect(openFcm(settings, clock)).toBeNull();
});

describe("a message", () => {
  test("has the text, what opens the conversation, and replaces an earlier one of it", async () => {
    expect(await send(noticeOf({ count: 2 }))).toEqual({ kind: "sent" });
    const collapse = google.messages[0]?.android.collapse_key ?? "";
    expect(google.messages).toEqual([
      {
        token: "device-token:1",
        notification: { title: "Ann (2 new)", body: "Hello Bob" },
        data: {
          ...{ key: "0123456789abcdef0123456789abcdef", conversationId: "ann:bob" },
          ...{ kind: "direct", count: "2", senderId: "ann", seq: "7" },
          messageId: "019b0000-0000-7000-8000-000000000007",
        },
        android: {
          ...{ collapse_key: collapse, priority: "HIGH", ttl: "3600s" },
          notification: { tag: "ann:bob" },
        },
        apns: {
          headers: {
            "apns-collapse-id": collapse,
            "apns-priority": "10",
            "apns-expiration": String(clock.now() / 1000 + 3_600),
          },
          payload: { aps: { "thread-id": "ann:bob", sound: "default", "mutable-content": 1 } },
        },
      },
    ]);
    await send(noticeOf({ conversationId: "another" }));
    expect(google.messages[1]?.android.collapse_key).not.toBe(collapse);
  });

  test("tells Google nothing of content and senders where it should not", async () => {
    await send(noticeOf({ isPrivate: true }));
    fcm = opened({ showContent: false });
    await send();
    for (const message of google.messages) {
      expect(message.notification).toEqual({ title: "New message" });
      expect(message.data.senderId).toBeUndefined();
      expect(JSON.stringify(message)).not.toMatch(/Hello|Ann\b/);
    }
    expect(google.messages).toHaveLength(2);
  });

  test("is delivered now or never without a time to live", async () => {
    fcm = opened({ ttlMs: 0 });
    await send();
    expect(google.messages[0]?.android.ttl).toBe("0s");
    expect(google.messages[0]?.apns.headers["apns-expiration"]).toBe("0");
  });
});

describe("the access token", () => {
  test("is got once by many sends at once, and kept until shortly before it expires", async () => {
    await Promise.all([send(), send(), send()]);
    clock.advance(3_539_000);
    await send();
    expect(google.tokenRequests).toBe(1);
    clock.advance(1_000);
    await send();
    expect(google.tokenRequests).toBe(2);
    expect(google.messages).toHaveLength(5);
  });

  test("is got anew when it is refused, once by many sends", async () => {
    await send();
    google.revokeTokens();
    const outcomes = await Promise.all([send(), send(), send()]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(["sent", "sent", "sent"]);
    expect(google.tokenRequests).toBe(2);
  });

  test("that came in place of a refused one is kept when it was refused to another send, too", async () => {
    await send();
    const asked = Promise.withResolvers<void>();
    const late = Promise.withResolvers<Response>();
    google.answer = () => {
      asked.resolve();
      return late.promise;
    };
    const slow = send();
    await asked.promise;
    google.answer = null;
    google.revokeTokens();
    expect(await send()).toEqual({ kind: "sent" });
    late.resolve(fcmError(401, "UNAUTHENTICATED"));
    expect(await slow).toEqual({ kind: "sent" });
    expect(google.tokenRequests).toBe(2);
  });

  test("that is refused again is tried later", async () => {
    const outcome = await outcomeOf(() => fcmError(401, "UNAUTHENTICATED"));
    expect(outcome).toEqual({
      kind: "retry",
      blames: "provider",
      reason: "FCM: 401 UNAUTHENTICATED",
      afterMs: null,
    });
    expect(google.sendRequests).toBe(2);
  });

  test("that is not given is asked for again with the next send", async () => {
    google.tokenAnswer = () => {
      return Response.json(
        { error: "slow_down" },
        { status: 503, headers: { "retry-after": "9" } },
      );
    };
    const reason = "FCM: no access token: 503 slow_down";
    expect(await send()).toEqual({ kind: "retry", blames: "provider", reason, afterMs: 9_000 });
    google.tokenAnswer = () => new Response("<html>");
    expect(await send()).toMatchObject({ reason: "FCM: no access token: 200" });
    google.tokenAnswer = null;
    expect(await send()).toEqual({ kind: "sent" });
  });

  test("of a key that Google does not know is none", async () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
    const private_key = privateKey.export({ type: "pkcs8", format: "pem" });
    const account = { ...google.account, private_key };
    fcm = opened({ serviceAccountFile: google.keyFile(folder.path, account) });
    expect(await send()).toMatchObject({ reason: "FCM: no access token: 400 invalid_grant" });
  });

  test("that does not come is not waited for any longer than ten seconds", async () => {
    const asked = Promise.withResolvers<void>();
    google.tokenAnswer = () => {
      asked.resolve();
      return new Promise(() => {});
    };
    const sending = send();
    await asked.promise;
    clock.advance(10_000);
    const reason = "FCM: no access token in time";
    expect(await sending).toEqual({ kind: "retry", blames: "provider", reason, afterMs: null });
  });

  test("is not waited for any longer when the provider stops", async () => {
    const asked = Promise.withResolvers<void>();
    google.tokenAnswer = () => {
      asked.resolve();
      return new Promise(() => {});
    };
    const sending = send();
    await asked.promise;
    await fcm.stop();
    expect(await sending).toEqual({
      kind: "retry",
      blames: "provider",
      reason: "FCM: Parley stops",
      afterMs: null,
    });
  });

  test("is not waited for by a send that is over before it begins", async () => {
    google.tokenAnswer = () => new Promise(() => {});
    await expect(send(noticeOf(), AbortSignal.abort(new Error("no time")))).rejects.toThrow(
      "no time",
    );
  });

  test("is still got for the others when one who waits for it gives up", async () => {
    const asked = Promise.withResolvers<void>();
    const go = Promise.withResolvers<undefined>();
    google.tokenAnswer = () => {
      asked.resolve();
      return go.promise;
    };
    const controller = new AbortController();
    const impatient = send(noticeOf(), controller.signal);
    const patient = send();
    await asked.promise;
    controller.abort(new Error("no time"));
    await expect(impatient).rejects.toThrow("no time");
    go.resolve(undefined);
    expect(await patient).toEqual({ kind: "sent" });
    expect(google.tokenRequests).toBe(1);
  });
});

describe("an answer", () => {
  const fcmDetail = (errorCode: string) => ({ errorCode });
  const invalid = "The registration token is not a valid FCM registration token";

  test.each<[string, () => Response, SendOutcome]>([
    [
      "that the app is not there any more",
      () => fcmError(404, "NOT_FOUND", fcmDetail("UNREGISTERED")),
      { kind: "gone", reason: "FCM: 404 UNREGISTERED" },
    ],
    [
      "that names the token's field",
      () => fcmError(400, "INVALID_ARGUMENT", { fieldViolations: [{ field: "message.token" }] }),
      { kind: "gone", reason: "FCM: 400 INVALID_ARGUMENT" },
    ],
    [
      "that tells of the token in words",
      () => fcmError(400, "INVALID_ARGUMENT", fcmDetail("INVALID_ARGUMENT"), invalid),
      { kind: "gone", reason: "FCM: 400 INVALID_ARGUMENT" },
    ],
    [
      "that the message is wrong",
      () => fcmError(400, "INVALID_ARGUMENT", { fieldViolations: [{ field: "message.data" }] }),
      { kind: "refused", reason: "FCM: 400 INVALID_ARGUMENT" },
    ],
    [
      "that the device is another project's",
      () => fcmError(403, "PERMISSION_DENIED", fcmDetail("SENDER_ID_MISMATCH")),
      { kind: "refused", reason: "FCM: 403 SENDER_ID_MISMATCH" },
    ],
    [
      "that the account may not send",
      () => fcmError(403, "PERMISSION_DENIED"),
      { kind: "retry", blames: "provider", reason: "FCM: 403 PERMISSION_DENIED", afterMs: null },
    ],
    [
      "that there is no such project",
      () => fcmError(404, "NOT_FOUND"),
      { kind: "retry", blames: "provider", reason: "FCM: 404 NOT_FOUND", afterMs: null },
    ],
    [
      "that the project has no key of Apple",
      () => fcmError(401, "UNAUTHENTICATED", fcmDetail("THIRD_PARTY_AUTH_ERROR")),
      {
        kind: "retry",
        blames: "provider",
        reason: "FCM: 401 THIRD_PARTY_AUTH_ERROR",
        afterMs: null,
      },
    ],
    [
      "that it is too much",
      () => {
        const response = fcmError(429, "RESOURCE_EXHAUSTED", fcmDetail("QUOTA_EXCEEDED"));
        response.headers.set("retry-after", "60");
        return response;
      },
      { kind: "retry", blames: "provider", reason: "FCM: 429 QUOTA_EXCEEDED", afterMs: 60_000 },
    ],
    [
      "that Google fails",
      () => fcmError(500, "INTERNAL", fcmDetail("INTERNAL")),
      { kind: "retry", blames: "provider", reason: "FCM: 500 INTERNAL", afterMs: null },
    ],
    [
      "of something else",
      () => new Response("<html>Bad gateway", { status: 502 }),
      { kind: "retry", blames: "provider", reason: "FCM: 502", afterMs: null },
    ],
    [
      "that leads elsewhere",
      () => Response.redirect(google.url, 302),
      { kind: "retry", blames: "provider", reason: "FCM: 302", afterMs: null },
    ],
    [
      "with what is no name",
      () => fcmError(400, "Invalid value: Hello Bob", fcmDetail("Hello Bob")),
      { kind: "refused", reason: "FCM: 400" },
    ],
  ])("%s", async (_, answer, outcome) => {
    expect(await outcomeOf(answer)).toEqual(outcome);
    expect(google.sendRequests).toBe(1);
  });

  test("that does not come ends with the signal", async () => {
    const asked = Promise.withResolvers<Request>();
    const aborted = Promise.withResolvers<void>();
    google.answer = (request) => {
      request.signal.addEventListener("abort", () => aborted.resolve());
      asked.resolve(request);
      return new Promise(() => {});
    };
    const controller = new AbortController();
    const sending = send(noticeOf(), controller.signal);
    await asked.promise;
    controller.abort(new Error("no time"));
    await expect(sending).rejects.toThrow("no time");
    await aborted.promise;
  });

  test("of nobody is tried later", async () => {
    await send();
    await google.stop();
    const outcome = await send();
    expect(outcome).toMatchObject({ kind: "retry", afterMs: null });
    expect("reason" in outcome && outcome.reason).toMatch(/^FCM: no answer \(\w+\)$/);
  });
});
