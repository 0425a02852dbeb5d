import { expect, test } from "bun:test";
import { AddressList } from "../../src/address-list.ts";
import {
  TrustedHeaderAuthenticator,
  type TrustedHeaderOptions,
} from "../../src/auth/trusted-header.ts";
import { credentials, type Given } from "../support/credentials.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { refusalOf } from "../support/refusal.ts";

const clock = new FakeClock();
const PROXY = "10.0.0.7";

function authenticate(given: Given, options: Partial<TrustedHeaderOptions> = {}) {
  const authenticator = new TrustedHeaderAuthenticator({
    ...{ proxies: AddressList.parse(["10.0.0.0/24", "::1"]), userId: "X-User-Id", clock },
    ...options,
  });
  return authenticator.authenticate(credentials(given));
}

function from(peerAddress: string | null, requestHeaders: Record<string, string>): Given {
  return { requestHeaders, remote: { peerAddress, address: "203.0.113.9", proxied: true } };
}

test("a proxy names the user, and the proof counts as a cookie", () => {
  expect(authenticate(from(PROXY, { "x-user-id": "alice" }))).toEqual({
    ...{ userId: "alice", name: "alice", roles: [], issuedMs: clock.now(), expiresMs: null },
    ...{ tokenId: null, byCookie: true },
  });
});

test.each(["::ffff:10.0.0.7", "::1", "10.0.0.255"])("%s is a proxy", (address) => {
  expect(authenticate(from(address, { "x-user-id": "a" }))).toMatchObject({ userId: "a" });
});

test.each(["10.0.1.7", "127.0.0.1", "::2", "::ffff:203.0.113.9", "203.0.113.9", "", null])(
  "from %p, which is no proxy, the header is forged",
  async (address) => {
    expect(await refusalOf(() => authenticate(from(address, { "x-user-id": "admin" })))).toBe(
      "AUTHENTICATION_FAILED",
    );
  },
);

test("the client's own address is not the proxy's, whatever it says it is", async () => {
  const given: Given = {
    requestHeaders: { "x-user-id": "admin", "x-forwarded-for": PROXY },
    remote: { peerAddress: "203.0.113.9", address: PROXY },
  };
  expect(await refusalOf(() => authenticate(given))).toBe("AUTHENTICATION_FAILED");
});

test("a request of a proxy without the header is nobody's", () => {
  expect(authenticate(from(PROXY, {}))).toBeNull();
  expect(authenticate(from(PROXY, { "x-user-id": "" }))).toBeNull();
});

test("a header of CONNECT is the client's, and counts for nothing", () => {
  const given = { ...from(PROXY, {}), headers: { "X-User-Id": "admin", login: "admin" } };
  expect(authenticate(given)).toBeNull();
});

test("name and roles are believed only where a header for them is configured", () => {
  const headers = { "x-user-id": "alice", "x-user-name": "Alice", "x-user-roles": "a, b c,,d" };
  expect(authenticate(from(PROXY, headers))).toMatchObject({ name: "alice", roles: [] });
  const options = { name: "X-User-Name", roles: "X-User-Roles" };
  expect(authenticate(from(PROXY, headers), options)).toMatchObject({
    ...{ name: "Alice", roles: ["a", "b", "c", "d"] },
  });
});

test("a header that the client sent too, and the proxy did not take, names nobody", async () => {
  const joined = from(PROXY, { "x-user-id": "admin, alice" });
  expect(await refusalOf(() => authenticate(joined))).toBe("AUTHENTICATION_FAILED");
});

test("it wants the headers that it reads, and no others", () => {
  const proxies = AddressList.parse([]);
  const wanted = new TrustedHeaderAuthenticator({ proxies, userId: "X-Forwarded-User", clock });
  expect(wanted.requestHeaders).toEqual(["x-forwarded-user"]);
});
