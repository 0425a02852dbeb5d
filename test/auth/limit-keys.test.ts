import { expect, test } from "bun:test";
import { AddressList } from "../../src/address-list.ts";
import { addressKey, LimitKeys } from "../../src/auth/limit-keys.ts";
import { LOCAL } from "../support/remote.ts";

const keys = new LimitKeys(AddressList.parse(["127.0.0.1"]));

test("a client on this machine is not counted", () => {
  expect(keys.of(LOCAL)).toBeNull();
  expect(keys.of({ ...LOCAL, peerAddress: "::1", address: "::1" })).toBeNull();
});

test("nor is one behind a proxy on this machine that is not trusted: it might be anybody", () => {
  const untrusting = new LimitKeys(AddressList.parse([]));
  expect(untrusting.of({ ...LOCAL, proxied: true })).toBeNull();
});

test("whom a trusted proxy names is counted, also by an address of this machine", () => {
  expect(keys.of({ ...LOCAL, proxied: true, address: "203.0.113.5" })).toBe("203.0.113.5");
  expect(keys.of({ ...LOCAL, proxied: true })).toBe("127.0.0.1");
});

test("where no address is known nobody is counted", () => {
  expect(keys.of({ ...LOCAL, peerAddress: null, address: null })).toBeNull();
});

test.each([
  ["203.0.113.5", "203.0.113.5"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:DB8:1:2::6", "2001:db8:1:2::/64"],
  ["2001:0db8:0001:0002::", "2001:db8:1:2::/64"],
  ["2001:db8::6", "2001:db8:0:0::/64"],
  ["::1:2:3:4:5", "0:0:0:1::/64"],
  ["64:ff9b::192.0.2.33", "64:ff9b:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
])("%s counts as %s", (address, key) => {
  expect(addressKey(address)).toBe(key);
});
