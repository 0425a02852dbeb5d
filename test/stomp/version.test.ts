import { describe, expect, test } from "bun:test";
import { chooseSubprotocol, negotiateVersion } from "../../src/stomp/version.ts";

describe("the version", () => {
  for (const [offered, version] of [
    [undefined, "1.0"],
    ["1.0", "1.0"],
    ["1.1,1.0", "1.1"],
    ["1.0,1.1,1.2", "1.2"],
    ["1.2,1.1,1.0", "1.2"],
    ["1.1, 1.2", "1.2"],
    ["1.2,1.3,2.0", "1.2"],
    ["1.3", null],
    ["1", null],
    ["", null],
  ] as const) {
    test(`of an offer of ${offered ?? "nothing"} is ${version ?? "none"}`, () => {
      expect(negotiateVersion(offered)).toBe(version);
    });
  }
});

describe("the subprotocol", () => {
  for (const [offered, chosen] of [
    [null, null],
    ["", null],
    ["mqtt", null],
    ["v10.stomp", "v10.stomp"],
    ["v10.stomp, v11.stomp, v12.stomp", "v12.stomp"],
    ["v11.stomp,v10.stomp", "v11.stomp"],
    ["mqtt, v12.stomp", "v12.stomp"],
    ["v12.stompx", null],
  ] as const) {
    test(`of an offer of ${offered ?? "none"} is ${chosen ?? "none"}`, () => {
      expect(chooseSubprotocol(offered)).toBe(chosen);
    });
  }
});
