import { describe, expect, test } from "bun:test";
import { infoDocument } from "../../src/sockjs/info.ts";
import { parseSockJsPath, TRANSPORTS } from "../../src/sockjs/path.ts";

describe("a path below the base URL", () => {
  for (const transport of TRANSPORTS) {
    test(`names the session of ${transport}`, () => {
      expect(parseSockJsPath(`/000/a-b_1/${transport}`)).toEqual({
        kind: "session",
        session: "a-b_1",
        transport,
      });
    });
  }

  test.each([
    ["", "greeting"],
    ["/", "greeting"],
    ["/info", "info"],
    ["/websocket", "raw-websocket"],
    ["/sockjs.min.js", "client"],
    ["/iframe.html", "iframe"],
    ["/iframe-0.1.2abc-dirty.2144.html", "iframe"],
  ] as const)("%s is the %s", (path, kind) => expect(parseSockJsPath(path)).toEqual({ kind }));

  for (const path of [
    ...["/iframe.htm", "/iframe", "/IFRAME.HTML", "/iframe-/.html", "/info/", "/iframe.xml"],
    ...[`/${"a".repeat(129)}/a/xhr`, `/a/${"a".repeat(129)}/xhr`],
    ...["//", "///", "/a", "/a/", "/a/a", "/a/a/", "/a/a/websocket/", "/a/a/a/websocket"],
    ...["//a/websocket", "/a//websocket", "///websocket", "/a./a/websocket", "/a/b.c/websocket"],
    ...["/a/a/Websocket", "/a/a/polling", "/a/a/toString", "a/a/websocket", "/a/a/websocket.html"],
  ]) {
    test(`names none: ${path}`, () => expect(parseSockJsPath(path)).toBeNull());
  }
});

test("the info document says what clients look for", () => {
  expect(JSON.parse(infoDocument({ websocket: true, cookieNeeded: false }, 4_294_967_295))).toEqual(
    {
      websocket: true,
      origins: ["*:*"],
      cookie_needed: false,
      entropy: 4_294_967_295,
    },
  );
});
