import { describe, expect, test } from "bun:test";
import { type Link, textParts } from "../../src/web/links.ts";

function links(content: string): Link[] {
  return textParts(content).filter((part) => typeof part !== "string");
}

function shown(content: string): string {
  return textParts(content)
    .map((part) => (typeof part === "string" ? part : part.text))
    .join("");
}

function hrefs(content: string): string[] {
  return links(content).map(({ href }) => href);
}

describe("what is a link", () => {
  test("web and mail addresses in a text, which stays as it was written", () => {
    const text = "see https://example.com/a?b=c#d, or www.example.org; write to me@example.com.";
    expect(hrefs(text)).toEqual([
      "https://example.com/a?b=c#d",
      "http://www.example.org/",
      "mailto:me@example.com",
    ]);
    expect(shown(text)).toBe(text);
    expect(textParts("no link")).toEqual(["no link"]);
    expect(textParts("")).toEqual([]);
  });

  test("nothing that runs, embeds or opens a program", () => {
    for (const text of [
      ...["javascript:alert(1)", "JavaScript://example.com/%0aalert(1)", "data:text/html,<b>x</b>"],
      ...["vbscript:msgbox(1)", "file:///etc/passwd", "ftp://example.com/x", "//example.com/x"],
      ...["blob:https://example.com/1", "intent://scan/#Intent;end", "java\nscript:alert(1)"],
      ...["view-source:javascript:alert(1)", "tel:+49123", "ms-msdt:/id"],
    ]) {
      for (const href of hrefs(text)) expect(href).toMatch(/^https?:\/\/example\.com\//);
      expect(shown(text)).toBe(text);
    }
    expect(hrefs("javascript:alert(1)")).toEqual([]);
    expect(hrefs("data:text/html,<script>alert(1)</script>")).toEqual([]);
    expect(hrefs("JavaScript://example.com/%0aalert(1)")).toEqual([]);
  });

  test("no address that names a user before its host", () => {
    for (const text of [
      ...["https://bank.example@evil.example/", "https://bank.example:pw@evil.example/login"],
      ...["http://bank.example%2f@evil.example", "https://bank.com@evil.com"],
    ]) {
      expect(hrefs(text).filter((href) => href.startsWith("http"))).toEqual([]);
      expect(shown(text)).toBe(text);
    }
    // To a browser a backslash is a slash: it leads where it says.
    for (const { href } of links("https://bank.com\\@evil.com")) {
      expect(new URL(href).hostname).toBe("bank.com");
    }
  });

  test("HTML is text, and ends no link early", () => {
    const text = '<a href="https://evil.com" onclick="x()">https://good.com</a>';
    expect(shown(text)).toBe(text);
    for (const href of hrefs(text)) expect(href).not.toMatch(/["<>]/);
  });

  test("a long text without any takes no long time", () => {
    for (const piece of ["http://", "a@", "www.", "a.", "https://a@"]) {
      const text = piece.repeat(Math.floor(120_000 / piece.length));
      expect(shown(text)).toBe(text);
    }
  });
});

describe("where a link leads", () => {
  test("is told in ASCII where the text shows it otherwise", () => {
    const [link] = links("https://müller.de/kontakt");
    expect(link).toMatchObject({ host: "xn--mller-kva.de", isDoubtful: false });
    expect(links("https://EXAMPLE.com/x")[0]).toMatchObject({ host: null, isDoubtful: false });
    expect(links("https://xn--mller-kva.de")[0]).toMatchObject({ host: null, isDoubtful: false });
  });

  test("is doubted where letters look like others", () => {
    const mixed = "https://p\u0430ypal.com/"; // The first a is Cyrillic.
    expect(links(mixed)[0]).toMatchObject({ host: "xn--pypal-4ve.com", isDoubtful: true });
    const whole = "https://\u0430\u0440\u0440\u04cf\u0435.com"; // All of them are.
    expect(links(whole)[0]).toMatchObject({ host: "xn--80ak6aa92e.com", isDoubtful: true });
    // Also where its real name stands elsewhere in the address.
    expect(links("https://p\u0430ypal.com/?xn--pypal-4ve.com")[0]).toMatchObject({
      ...{ host: "xn--pypal-4ve.com", isDoubtful: true },
    });
    expect(links("me@p\u0430ypal.com")[0]).toMatchObject({
      ...{ host: "xn--pypal-4ve.com", isDoubtful: true },
    });
    expect(links("me@example.com")[0]).toMatchObject({ host: null, isDoubtful: false });
    expect(links("https://президент.рф")[0]).toMatchObject({ isDoubtful: false });
    expect(links("https://日本語.jp")[0]).toMatchObject({ isDoubtful: false });
  });
});

describe("controls of the direction", () => {
  test("are taken out, so that nothing shows other than it is", () => {
    const override = "see \u202egpj.exe and https://evil.com/\u202emoc.elgoog//:sptth";
    expect(shown(override)).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
    for (const href of hrefs(override)) expect(href).not.toMatch(/%E2%80%AE|%E2%81/i);
    expect(hrefs("https://goo\u202egle.com")).toEqual(["https://google.com/"]);
    for (const control of "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") {
      expect(shown(`a${control}b`)).toBe("ab");
    }
  });

  test("are not needed for what is written from right to left", () => {
    expect(shown("שלום https://example.com עולם")).toBe("שלום https://example.com עולם");
  });
});
