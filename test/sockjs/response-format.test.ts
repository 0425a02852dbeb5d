import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { iframePage } from "../../src/sockjs/iframe.ts";
import {
  EVENT_SOURCE,
  htmlFile,
  isCallback,
  jsonp,
  XHR_POLLING,
  XHR_STREAMING,
} from "../../src/sockjs/response-format.ts";

const FRAME = 'a["</script><script>alert(1)//","<!--","\u2028","\\n"]';

test.each([
  ["polling", XHR_POLLING, `${FRAME}\n`],
  ["streaming", XHR_STREAMING, `${FRAME}\n`],
  ["event source", EVENT_SOURCE, `data: ${FRAME}\r\n\r\n`],
] as const)("%s writes the frame as it is", (_name, format, written) => {
  expect(format.write(FRAME)).toBe(written);
});

test("streams begin with enough for a browser to show them", () => {
  expect(XHR_STREAMING.prelude).toBe(`${"h".repeat(2_048)}\n`);
  expect(EVENT_SOURCE.prelude).toBe("\r\n");
  const { prelude } = htmlFile("_jp.a1");
  expect(prelude.length).toBeGreaterThan(1_024);
  expect(prelude).toContain("var c = parent._jp.a1;");
});

/** What stands between the brackets of the one call. */
function argumentOf(written: string): string {
  return written.slice(written.indexOf("(") + 1, written.lastIndexOf(")"));
}

describe.each([
  ["htmlfile", htmlFile("cb"), "<script>\np(", ");\n</script>\r\n"],
  ["JSONP", jsonp("cb"), "/**/cb(", ");\r\n"],
] as const)("%s", (_name, format, before, after) => {
  test("hands over the frame as a string", () => {
    const written = format.write(FRAME);
    expect(written.startsWith(before)).toBe(true);
    expect(written.endsWith(after)).toBe(true);
    expect(JSON.parse(argumentOf(written))).toBe(FRAME);
  });

  test("leaves no frame a way out of its script", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const literal = argumentOf(format.write(text));
        expect(literal).not.toMatch(/[<>/\u2028\u2029\n\r]/);
        expect(JSON.parse(literal)).toBe(text);
      }),
    );
  });
});

test("a callback is a name, not a program", () => {
  for (const name of ["cb", "_jp.abc123", "a-b", "$x"]) expect(isCallback(name)).toBe(true);
  const programs = ["", "alert(1)//", "a b", "a<b", "a;b", "a[0]", "x".repeat(129), "\u2028"];
  for (const name of programs) expect(isCallback(name)).toBe(false);
});

test("the iframe's page loads the client, whatever its address", () => {
  expect(iframePage('https://cdn.example/a.js?"><b>')).toContain(
    '<script src="https://cdn.example/a.js?&#34;&#62;&#60;b&#62;"></script>',
  );
});
