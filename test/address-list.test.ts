import { expect, test } from "bun:test";
import { AddressList, isAddressRange } from "../src/address-list.ts";
import { refusalOf } from "./support/refusal.ts";

const list = AddressList.parse(["10.0.0.0/8", "192.0.2.7", "fd00::/8", "2001:db8::7", "::1"]);

test.each([
  "10.0.0.0",
  "10.255.255.255",
  "192.0.2.7",
  "fd00::1",
  "fdff:ffff::",
  "2001:DB8:0:0::7",
  "0:0:0:0:0:0:0:1",
  "::ffff:10.1.2.3",
  "::FFFF:0a01:0203",
])("%s is on the list", (address) => {
  expect(list.has(address)).toBe(true);
});

test.each([
  "11.0.0.0",
  "9.255.255.255",
  "192.0.2.8",
  "fe00::1",
  "2001:db8::8",
  "::2",
  "::ffff:11.1.2.3",
  "::10.1.2.3",
  "127.0.0.1",
])("%s is not on the list", (address) => {
  expect(list.has(address)).toBe(false);
});

test.each([
  "",
  "localhost",
  "10.1.2",
  "010.1.2.3",
  "0x0a.1.2.3",
  "10.1.2.3 ",
  "10.1.2.3:80",
  "[::1]",
  "10.0.0.0/8",
  "unknown",
])("%p is no address, and on no list", (text) => {
  expect(AddressList.parse(["0.0.0.0/0", "::/0"]).has(text)).toBe(false);
});

test("an unknown address is on no list", () => {
  expect(AddressList.parse(["0.0.0.0/0", "::/0"]).has(null)).toBe(false);
});

test("a network may be named by any of its addresses, and mapped into IPv6", () => {
  const networks = AddressList.parse(["10.1.2.3/8", "::ffff:172.16.0.0/108"]);
  expect(networks.has("10.200.0.1")).toBe(true);
  expect(networks.has("172.31.255.255")).toBe(true);
  expect(networks.has("172.32.0.0")).toBe(false);
});

test("every IPv4 address is not every IPv6 address", () => {
  expect(AddressList.parse(["0.0.0.0/0"]).has("::1")).toBe(false);
  expect(AddressList.parse(["0.0.0.0/0"]).has("203.0.113.9")).toBe(true);
});

test("an empty list has nobody", () => {
  expect(AddressList.parse([]).has("127.0.0.1")).toBe(false);
});

test.each([
  "10.0.0.0/33",
  "::/129",
  "10.0.0.0/",
  "10.0.0.0/-1",
  "/8",
  "10.0.0.0/8/8",
  "fe80::%lo/10",
  "*",
])("%s is refused as a range", async (text) => {
  expect(isAddressRange(text)).toBe(false);
  expect(await refusalOf(() => AddressList.parse([text]))).toBe("INVALID_CONFIGURATION");
});
