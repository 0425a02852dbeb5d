import { expect, test } from "bun:test";
import { siteOf } from "../../src/notify/site.ts";

test.each([
  ["fcm.googleapis.com", "googleapis.com"],
  ["web.push.apple.com:443", "apple.com"],
  ["wns2-par02p.notify.windows.com", "windows.com"],
  ["a.b.evil.co.uk", "evil.co.uk"],
  ["push.example.or.at:8443", "example.or.at"],
  ["ntfy.sh", "ntfy.sh"],
  ["a.example.", "a.example"],
  ["localhost:8080", "localhost"],
  ["127.0.0.1:8080", "127.0.0.1"],
  ["[2606:4700::1111]", "[2606:4700::1111]"],
  ["[2606:4700::1111]:8443", "[2606:4700::1111]"],
  ["", ""],
])("%p is of %p", (host, site) => {
  expect(siteOf(host)).toBe(site);
});
