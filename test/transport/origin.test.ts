import { describe, expect, test } from "bun:test";
import { refuseForgedListening, refuseForgery } from "../../src/http/csrf.ts";
import {
  areCookiesTrusted,
  isOriginAllowed,
  type OriginPolicy,
  originStanding,
} from "../../src/transport/origin.ts";

const LOCAL: OriginPolicy = { allowedOrigins: [], onLoopback: true, isHttps: false };
const PUBLIC: OriginPolicy = {
  allowedOrigins: ["https://app.example"],
  onLoopback: false,
  isHttps: true,
};

function standing(policy: OriginPolicy, headers: Record<string, string>): string {
  return originStanding(new Headers(headers), policy);
}

describe("the Origin of a page", () => {
  test.each([
    ["https://chat.example", "chat.example", "own"],
    ["https://chat.example", "chat.example:443", "own"],
    ["https://chat.example", "CHAT.example", "own"],
    ["https://chat.example:8443", "chat.example:8443", "own"],
    ["https://[2001:db8::1]:8443", "[2001:db8::1]:8443", "own"],
    ["https://app.example", "chat.example", "listed"],
    // Another scheme, port, name, or spelling is another origin.
    ["http://chat.example", "chat.example", "foreign"],
    ["https://chat.example:8443", "chat.example", "foreign"],
    ["https://chat.example.", "chat.example", "foreign"],
    ["https://app.example.", "chat.example", "foreign"],
    ["https://app.example:443", "chat.example", "foreign"],
    ["http://app.example", "chat.example", "foreign"],
    ["https://evil.app.example", "chat.example", "foreign"],
    ["https://app.example.evil.example", "chat.example", "foreign"],
    ["https://evil.example", "chat.example", "foreign"],
    ["null", "chat.example", "foreign"],
    ["", "chat.example", "foreign"],
    ["file://", "chat.example", "foreign"],
    ["https://localhost:3000", "chat.example", "foreign"],
    // What is no host and port is nobody's own.
    ["https://evil.example", "x@evil.example", "foreign"],
    ["https://evil.example", "evil.example/", "foreign"],
    ["https://evil.example", "", "foreign"],
  ])("%p at the public host %p is %s", (origin, host, expected) => {
    expect(standing(PUBLIC, { origin, host })).toBe(expected);
  });

  test.each([
    ["http://localhost:3000", "127.0.0.1:8080", "listed"],
    ["http://[::1]:3000", "localhost:8080", "listed"],
    ["http://evil.localhost:8080", "127.0.0.1:8080", "foreign"],
    ["http://127.0.0.1.evil.example", "127.0.0.1:8080", "foreign"],
    ["http://localhost.:3000", "127.0.0.1:8080", "foreign"],
    ["http://[::ffff:127.0.0.1]", "127.0.0.1:8080", "foreign"],
    // A name that was made to point here (DNS rebinding).
    ["http://evil.example:8080", "evil.example:8080", "foreign"],
    ["http://localhost:3000", "evil.example:8080", "foreign"],
  ])("%p on the loopback host %p is %s", (origin, host, expected) => {
    expect(standing(LOCAL, { origin, host })).toBe(expected);
  });

  test("through a proxy, the users' own machines are strangers and the proxy's host is not", () => {
    const proxied = { host: "chat.example", "x-forwarded-for": "192.0.2.1" };
    expect(standing(LOCAL, { ...proxied, origin: "https://chat.example" })).toBe("own");
    expect(standing(LOCAL, { ...proxied, origin: "http://localhost:3000" })).toBe("foreign");
    const https = { ...proxied, "x-forwarded-proto": "https" };
    expect(standing(LOCAL, { ...https, origin: "https://chat.example" })).toBe("own");
    expect(standing(LOCAL, { ...https, origin: "http://chat.example" })).toBe("foreign");
  });

  test("* lets every page in, but without the cookies of those who are not named", () => {
    const policy = { ...PUBLIC, allowedOrigins: ["*", "https://app.example"] };
    const from = (origin: string) => new Headers({ origin, host: "chat.example" });
    expect(isOriginAllowed(from("https://other.example"), policy)).toBe(true);
    expect(areCookiesTrusted(from("https://other.example"), policy)).toBe(false);
    expect(areCookiesTrusted(from("null"), policy)).toBe(false);
    expect(areCookiesTrusted(from("https://app.example"), policy)).toBe(true);
    expect(areCookiesTrusted(from("https://chat.example"), policy)).toBe(true);
  });
});

describe("without an Origin", () => {
  const host = "chat.example";

  test("programs, and pages of the same origin, are let in", () => {
    expect(standing(PUBLIC, { host })).toBe("none");
    expect(standing(PUBLIC, { host, "sec-fetch-site": "same-origin" })).toBe("none");
    expect(standing(PUBLIC, { host, "sec-fetch-site": "none" })).toBe("none");
  });

  test.each(["cross-site", "same-site"])("a script or frame that is %s needs a Referer", (site) => {
    const headers = { host, "sec-fetch-site": site, "sec-fetch-dest": "script" };
    expect(standing(PUBLIC, headers)).toBe("foreign");
    expect(standing(PUBLIC, { ...headers, referer: "https://evil.example/" })).toBe("foreign");
    expect(standing(PUBLIC, { ...headers, referer: "no URL" })).toBe("foreign");
    expect(standing(PUBLIC, { ...headers, referer: "https://app.example/" })).toBe("listed");
  });

  test("a link that somebody follows is let in", () => {
    const link = { "sec-fetch-site": "cross-site", "sec-fetch-dest": "document" };
    expect(standing(PUBLIC, { host, ...link })).toBe("none");
  });
});

describe("a change that a cookie vouches for", () => {
  const principal = {
    ...{ userId: "alice", name: "Alice", roles: [], issuedMs: null, expiresMs: null },
    ...{ tokenId: null, byCookie: true },
  };
  const attempt = (headers: Record<string, string>, method = "POST", byCookie = true) => {
    const request = new Request("https://chat.example/api/x", {
      method,
      headers: { host: "chat.example", ...headers },
    });
    return () => refuseForgery(request, { ...principal, byCookie }, PUBLIC);
  };

  test("comes from a page that may make it", () => {
    for (const headers of [
      { origin: "https://chat.example" },
      { origin: "https://app.example" },
      { "sec-fetch-site": "same-origin" },
    ]) {
      expect(attempt(headers)).not.toThrow();
    }
  });

  test.each(["POST", "PUT", "PATCH", "DELETE"])("is refused otherwise: %s", (method) => {
    for (const headers of [
      {},
      { origin: "https://evil.example" },
      { origin: "null" },
      { "sec-fetch-site": "none" },
      { "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "cross-site", "sec-fetch-dest": "document" },
    ]) {
      expect(attempt(headers, method)).toThrow(expect.objectContaining({ code: "CSRF_REJECTED" }));
    }
  });

  const listen = (headers: Record<string, string>, byCookie = true) => {
    const request = new Request("https://chat.example/api/events", {
      headers: { host: "chat.example", ...headers },
    });
    return () => refuseForgedListening(request, { ...principal, byCookie }, PUBLIC);
  };

  test("events are for scripts of such pages, and nobody else's to fetch", () => {
    const script = { "sec-fetch-mode": "cors", "sec-fetch-dest": "empty" };
    for (const headers of [
      { ...script, "sec-fetch-site": "same-origin" },
      { ...script, "sec-fetch-site": "cross-site", origin: "https://app.example" },
    ]) {
      expect(listen(headers)).not.toThrow();
    }
    const refused = expect.objectContaining({ code: "CSRF_REJECTED" });
    const link = { "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
    for (const headers of [
      ...[{}, { ...link, "sec-fetch-site": "same-origin" }],
      { ...link, "sec-fetch-site": "cross-site" },
      { ...link, "sec-fetch-site": "none" },
      { "sec-fetch-mode": "no-cors", "sec-fetch-site": "same-site", "sec-fetch-dest": "image" },
      { ...script, "sec-fetch-site": "cross-site", origin: "https://evil.example" },
    ]) {
      expect(listen(headers)).toThrow(refused);
      expect(listen(headers, false)).not.toThrow();
    }
  });

  test("what changes nothing, or is proven otherwise, is free", () => {
    expect(attempt({}, "GET")).not.toThrow();
    expect(attempt({}, "POST", false)).not.toThrow();
  });
});
