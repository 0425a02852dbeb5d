import { expect, test } from "bun:test";
import { directId, identityOfToken, nameFault, peerInDirectId } from "../../src/web/identity.ts";

test("both sides make the same direct conversation id, and each finds the other in it", () => {
  expect(directId("bob", "alice")).toBe("dm:alice:bob");
  expect(directId("alice", "bob")).toBe("dm:alice:bob");
  expect(peerInDirectId("dm:alice:bob", "alice")).toBe("bob");
  expect(peerInDirectId("dm:alice:bob", "bob")).toBe("alice");
});

test("a direct conversation of others, or another kind of id, has no peer", () => {
  expect(peerInDirectId("dm:alice:bob", "carol")).toBeNull();
  expect(peerInDirectId("general", "alice")).toBeNull();
  expect(peerInDirectId("dm:bob:alice", "alice")).toBeNull();
});

test("ids with colons are told apart", () => {
  expect(peerInDirectId(directId("org:alice", "org:bob"), "org:alice")).toBe("org:bob");
});

test("a name must be fit for headers and destinations", () => {
  expect(nameFault("zoë.müller")).toBeNull();
  for (const name of ["", "two words", "a/b", "a*", "Алиса", "x".repeat(61)]) {
    expect(nameFault(name)).not.toBeNull();
  }
});

test("a token names its subject, in any script", () => {
  const payload = Buffer.from(JSON.stringify({ sub: "Алиса" })).toString("base64url");
  expect(identityOfToken(`e30.${payload}.sig`)?.userId).toBe("Алиса");
  expect(identityOfToken("nonsense")).toBeNull();
  expect(identityOfToken("e30.e30.sig")).toBeNull();
});
