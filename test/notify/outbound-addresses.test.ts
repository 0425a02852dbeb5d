import { describe, expect, test } from "bun:test";
import { OutboundAddresses } from "../../src/notify/outbound-addresses.ts";
import { refusalOf } from "../support/refusal.ts";

const addresses = new OutboundAddresses([]);

describe("with nothing allowed", () => {
  test.each([
    ["this network", ["0.0.0.0", "0.255.255.255"]],
    ["loopback", ["127.0.0.1", "127.255.255.254", "::1"]],
    ["the unspecified address", ["::", "0:0:0:0:0:0:0:0"]],
    ["private", ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.255.1"]],
    ["unique local", ["fc00::1", "fdff:ffff::1", "fd00:ec2::254"]],
    ["link-local", ["169.254.169.254", "fe80::1", "febf::1", "fec0::1", "fe80::1%eth0"]],
    ["a carrier's", ["100.64.0.1", "100.100.100.200", "100.127.255.255"]],
    ["a cloud's platform", ["168.63.129.16", "192.0.0.192"]],
    ["documentation", ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"]],
    ["benchmarks", ["198.18.0.1", "198.19.255.255", "2001:2::1"]],
    ["protocol assignments", ["192.0.0.8", "192.31.196.1", "192.52.193.1", "192.175.48.1"]],
    ["multicast", ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"]],
    ["reserved", ["240.0.0.1", "255.255.255.254", "100::1", "4000::1", "5f00::1"]],
    ["broadcast", ["255.255.255.255"]],
    ["6to4", ["192.88.99.1", "2002:7f00:1::1", "2002:808:808::1"]],
    ["Teredo", ["2001::1", "2001:0:7f00:1::"]],
    ["mapped", ["::ffff:127.0.0.1", "::FFFF:A00:1", "::ffff:0:1", "0::ffff:169.254.1.1"]],
    ["compatible", ["::127.0.0.1", "::8.8.8.8"]],
    ["behind NAT64", ["64:ff9b::", "64:ff9b::1", "64:ff9b::10.0.0.1", "64:ff9b::7f00:0"]],
    ["behind a local NAT64", ["64:ff9b:1::8.8.8.8", "64:ff9b::1:808:808"]],
    ["no address", ["", "localhost", "127.1", "0x7f000001", "[::1]", "8.8.8.8:80", "8.8.8.8/32"]],
  ])("%s is forbidden", (_, those) => {
    for (const address of those) {
      expect([address, addresses.standingOf(address)]).toEqual([address, "forbidden"]);
    }
  });

  test.each([
    ...["1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"],
    ...["128.0.0.1", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.0.1.1", "198.17.1.1"],
    ...["198.20.0.0", "223.255.255.255", "168.63.129.15", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"],
    ...["2001:200::1", "2001:4860:4860::8888", "2606:4700::1111", "2a00:1450:4001::1", "3ffe::1"],
  ])("%s is public", (address) => {
    expect(addresses.standingOf(address)).toBe("public");
  });
});

test("what the operator allows is allowed, in each spelling, and nothing beside it", () => {
  const some = new OutboundAddresses(["127.0.0.1", "10.1.0.0/16", "fd00:1::/32"]);
  for (const address of ["127.0.0.1", "10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203"]) {
    expect(some.standingOf(address)).toBe("allowed");
  }
  expect(some.standingOf("fd00:1:2::3")).toBe("allowed");
  for (const address of ["127.0.0.2", "10.2.0.1", "::1", "fd00:2::1"]) {
    expect(some.standingOf(address)).toBe("forbidden");
  }
  expect(some.standingOf("8.8.8.8")).toBe("public");
});

test("an allowance that is no address and no network is refused", async () => {
  expect(await refusalOf(() => new OutboundAddresses(["intranet"]))).toBe("INVALID_CONFIGURATION");
});
