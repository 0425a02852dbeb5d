import { beforeEach, describe, expect, test } from "bun:test";
import { AddressList } from "../../src/address-list.ts";
import { clientAddress } from "../../src/transport/client-address.ts";

const trusted = AddressList.parse(["127.0.0.1", "10.0.0.0/8", "fd00::/8"]);

let untrusted: string[] = [];
beforeEach(() => {
  untrusted = [];
});

function addressOf(peer: string | null, value: string | null, other: string | null = null) {
  const headers = new Headers();
  if (value !== null) headers.set("X-Forwarded-For", value);
  if (other !== null) headers.set("Forwarded", other);
  const onUntrusted = (address: string) => untrusted.push(address);
  return clientAddress(peer, headers, { trusted, header: "X-Forwarded-For", onUntrusted });
}

function forwarded(value: string) {
  const headers = new Headers({ Forwarded: value, "X-Forwarded-For": "198.51.100.99" });
  const onUntrusted = (address: string) => untrusted.push(address);
  return clientAddress("127.0.0.1", headers, { trusted, header: "Forwarded", onUntrusted });
}

describe("X-Forwarded-For", () => {
  test.each([
    ["one address", "203.0.113.5", "203.0.113.5"],
    [
      "what a client invents stands before what the proxy saw",
      "1.1.1.1, 203.0.113.5",
      "203.0.113.5",
    ],
    ["trusted proxies at the end are skipped", "203.0.113.5, 10.1.2.3, 10.4.5.6", "203.0.113.5"],
    ["of trusted proxies alone the first is the client", "10.9.9.9, 10.4.5.6", "10.9.9.9"],
    ["garbage before the client's address is never read", "x y, 203.0.113.5", "203.0.113.5"],
    ["a port", "203.0.113.5:4711", "203.0.113.5"],
    ["IPv6", "2001:db8::5", "2001:db8::5"],
    ["IPv6 in brackets, with a port", "[2001:db8::5]:4711", "2001:db8::5"],
    ["IPv4 mapped into IPv6", "::ffff:203.0.113.5", "203.0.113.5"],
  ])("%s", (_, value, address) => {
    expect(addressOf("127.0.0.1", value)).toBe(address);
  });

  test.each([["unknown"], [""], ["203.0.113.5, "], ["203.0.113.256"], ["[203.0.113.5]"], ["a, b"]])(
    "that cannot be read, %p, leaves the peer's address",
    (value) => {
      expect(addressOf("127.0.0.1", value)).toBe("127.0.0.1");
    },
  );

  test("of a peer that is no trusted proxy it means nothing", () => {
    expect(addressOf("203.0.113.9", "198.51.100.1")).toBe("203.0.113.9");
    expect(untrusted).toEqual(["203.0.113.9"]);
  });

  test("the other header means nothing", () => {
    expect(addressOf("127.0.0.1", null, "for=198.51.100.1")).toBe("127.0.0.1");
  });

  test("a dual-stack socket's peer is known by its IPv4 address", () => {
    expect(addressOf("::ffff:10.0.0.1", "203.0.113.5")).toBe("203.0.113.5");
    expect(addressOf("::ffff:203.0.113.9", "198.51.100.1")).toBe("203.0.113.9");
  });

  test("where no peer is known there is no address", () => {
    expect(addressOf(null, "203.0.113.5")).toBeNull();
  });
});

describe("Forwarded [RFC 7239]", () => {
  test.each([
    ["one element", "for=203.0.113.5", "203.0.113.5"],
    ["in any case", "For=203.0.113.5", "203.0.113.5"],
    ["among other parameters", "proto=https;for=203.0.113.5;by=10.0.0.1", "203.0.113.5"],
    ["quoted, with a port", 'for="203.0.113.5:4711"', "203.0.113.5"],
    ["quoted IPv6", 'for="[2001:db8::5]:4711"', "2001:db8::5"],
    [
      "the last that is no proxy",
      "for=1.1.1.1, for=203.0.113.5;proto=http, for=10.1.1.1",
      "203.0.113.5",
    ],
    ["a comma in quotes", 'for=1.1.1.1;by="a,b", for=203.0.113.5', "203.0.113.5"],
  ])("%s", (_, value, address) => {
    expect(forwarded(value)).toBe(address);
  });

  test.each([
    ["for=unknown"],
    ["for=_hidden"],
    ["proto=https"],
    [""],
    ['for="203.0.113.5'],
    ["for="],
  ])("that cannot be read, %p, leaves the peer's address", (value) => {
    expect(forwarded(value)).toBe("127.0.0.1");
  });

  test("a quote that a client leaves open does not hide who it is behind a name of its choice", () => {
    expect(forwarded('for="1.1.1.1, for=203.0.113.5')).toBe("127.0.0.1");
  });
});
