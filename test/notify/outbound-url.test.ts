import { expect, test } from "bun:test";
import { OutboundAddresses } from "../../src/notify/outbound-addresses.ts";
import { refusalOfUrl } from "../../src/notify/outbound-url.ts";

const nothing = new OutboundAddresses([]);
const loopback = new OutboundAddresses(["127.0.0.0/8"]);

test.each([
  "https://push.example",
  "https://push.example:8443/send/abc?d=e",
  "https://8.8.8.8/",
  "https://[2606:4700::1111]/",
  "https://localhost.example/",
])("%s may be called", (url) => {
  expect(refusalOfUrl(url, nothing)).toBeNull();
});

test.each([
  "https://127.0.0.1/",
  "https://127.1/",
  "https://2130706433/",
  "https://0x7f.0.0.1/",
  "https://0177.0.0.1/",
  "https://127.0.0.1./",
  "https://%31%32%37.0.0.1/",
  "https://①②⑦.⓪.⓪.①/",
  "https://169.254.169.254/latest/meta-data/",
  "https://[::1]/",
  "https://[::ffff:127.0.0.1]/",
  "https://[::ffff:7f00:1]/",
  "https://[fd00::1]:8443/",
  "https://localhost/",
  "https://LocalHost.:8443/",
  "https://any.localhost/",
])("%s leads to an address that is not public", (url) => {
  expect(refusalOfUrl(url, nothing)).toBe("leads to an address that is not public");
});

test.each([
  ["", "is not one"],
  ["push.example/abc", "is not one"],
  ["https://[fe80::1%25eth0]/", "is not one"],
  ["https://256.0.0.1/", "is not one"],
  ["http://push.example/", "is not of https"],
  ["http://8.8.8.8/", "is not of https"],
  ["ftp://push.example/", "is not of https"],
  ["file:///etc/passwd", "is not of https"],
  ["data:text/plain,abc", "is not of https"],
  ["https://user@push.example/", "has a user name or a password"],
  ["https://:secret@push.example/", "has a user name or a password"],
])("%p %s", (url, refusal) => {
  expect(refusalOfUrl(url, nothing)).toBe(refusal);
});

test("without TLS only what is allowed may be called, or may turn out to be", () => {
  expect(refusalOfUrl("http://127.0.0.1:8080/", loopback)).toBeNull();
  expect(refusalOfUrl("http://localhost:8080/", loopback)).toBeNull();
  expect(refusalOfUrl("http://hooks.internal/", loopback)).toBeNull();
  expect(refusalOfUrl("http://8.8.8.8/", loopback)).toBe("is not of https");
  expect(refusalOfUrl("http://10.0.0.1/", loopback)).toBe("leads to an address that is not public");
});

test("a URL is of 2048 characters at most", () => {
  const long = `https://push.example/${"a".repeat(2_027)}`;
  expect(refusalOfUrl(long, nothing)).toBeNull();
  expect(refusalOfUrl(`${long}a`, nothing)).toBe("is longer than 2048 characters");
});
