import { describe, expect, test } from "bun:test";
import { infoDocument } from "../../src/sockjs/info.ts";
import { parseSockJsPath, TRANSPORTS } from "../../src/sockjs/path.ts";

describe("a path below the base URL", () => {
  for (const transport of TRANSPORTS) {
    test(`names the session of ${transport}`, () => {
      expect(parseSockJsPath(`/000/a-b_1/${transport}`)).toEqual({
        server: "000",
        session: "a-b_1",
        transport,
      });
    });
  }

  for (const path of [
    ...["", "/", "//", "///", "/a", "/a/", "/a/a", "/a/a/", "/a/a/websocket/", "/a/a/a/websocket"],
    ...["//a/websocket", "/a//websocket", "///websocket", "/a./a/websocket", "/a/b.c/websocket"],
    ...["/a/a/Websocket", "/a/a/polling", "/a/a/toString", "a/a/websocket", "/a/a/websocket.html"],
  ]) {
    test(`names none: ${path}`, () => expect(parseSockJsPath(path)).toBeNull());
  }
});

test("the info document says what clients look for", () => {
  expect(JSON.parse(infoDocument(4_294_967_295))).toEqual({
    websocket: true,
    origins: ["*:*"],
    cookie_needed: false,
    entropy: 4_294_967_295,
  });
});
