import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { DOORS, knock, letsIn, refuses } from "../support/doors.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";

describe("behind an authenticating proxy", () => {
  let server: ParleyProcess;

  beforeAll(async () => {
    server = await startParley({
      env: {
        PARLEY_TRUSTED_HEADER_PROXIES: "10.0.0.0/8,127.0.0.1",
        PARLEY_TRUSTED_HEADER_USER_ID: "X-Forwarded-User",
      },
    });
  });

  afterAll(async () => {
    expect(await server.stop()).toBe(0);
  });

  test.each(DOORS)("the %s knows the user by the proxy's header", async (door) => {
    const request = { "X-Forwarded-User": "alice", "X-Forwarded-For": "203.0.113.9" };
    expect(await knock(server, door, { request })).toEqual(letsIn(door, "alice"));
  });

  test.each(DOORS)("the %s takes a request without the header for nobody's", async (door) => {
    for (const knocking of [
      {},
      { request: { "X-User-Id": "admin" } },
      { connect: { "X-User-Id": "admin", login: "admin" } },
    ]) {
      expect(await knock(server, door, knocking)).toEqual(refuses(door, "AUTHENTICATION_REQUIRED"));
    }
  });

  test.each(["websocket", "sockjs"] as const)(
    "the %s believes no header of CONNECT",
    async (door) => {
      const connect = { "X-Forwarded-User": "admin" };
      const nobody = refuses(door, "AUTHENTICATION_REQUIRED");
      expect(await knock(server, door, { connect })).toEqual(nobody);
      const request = { "X-Forwarded-User": "alice" };
      expect(await knock(server, door, { connect, request })).toEqual(letsIn(door, "alice"));
    },
  );

  test.each(DOORS)("the %s refuses a header that is there twice", async (door) => {
    const request = { "X-Forwarded-User": "admin, alice" };
    expect(await knock(server, door, { request })).toEqual(refuses(door, "AUTHENTICATION_FAILED"));
  });
});

describe("from an address that is no proxy's", () => {
  let server: ParleyProcess;

  beforeAll(async () => {
    server = await startParley({ env: { PARLEY_TRUSTED_HEADER_PROXIES: "10.0.0.0/8" } });
  });

  afterAll(async () => {
    expect(await server.stop()).toBe(0);
  });

  test.each(DOORS)("the header is forged at the %s", async (door) => {
    for (const request of [
      { "X-User-Id": "admin" },
      { "X-User-Id": "admin", "X-Forwarded-For": "10.0.0.1", "X-Real-IP": "10.0.0.1" },
      { "X-User-Id": "admin", Forwarded: "for=10.0.0.1" },
    ]) {
      expect(await knock(server, door, { request })).toEqual(
        refuses(door, "AUTHENTICATION_FAILED"),
      );
    }
  });
});
