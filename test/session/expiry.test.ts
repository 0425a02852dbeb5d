import { beforeEach, describe, expect, test } from "bun:test";
import { makePrincipal } from "../../src/auth/authenticator.ts";
import { sessionHarness } from "../support/session-harness.ts";

const LISTEN = "SUBSCRIBE\nid:e\ndestination:/user/queue/errors\n\n\0";
const LIFE_MS = 100_000;

let scene: ReturnType<typeof sessionHarness>;

beforeEach(() => {
  scene = sessionHarness();
  scene.application.expiresMs = scene.clock.now() + LIFE_MS;
});

/** Goes on in time, and looks at the session as the server does now and then. */
function pass(session: ReturnType<typeof scene.connect>["session"], ms: number): void {
  scene.clock.advance(ms);
  session.receive("\n"); // The client's heart-beat.
  session.check(scene.clock.monotonicMs());
}

describe("a connection whose token expires", () => {
  test("ends with it, and not before", () => {
    const { connection, session } = scene.connect();
    pass(session, LIFE_MS - 1);
    expect(connection.closedWith).toBeNull();
    pass(session, 1);
    expect(connection.last().header("code")).toBe("TOKEN_EXPIRED");
    expect(connection.closedWith).toEqual([1008, "TOKEN_EXPIRED"]);
  });

  test("is warned once, a minute before, of the time of its end", () => {
    const { connection, session } = scene.connect();
    session.receive(LISTEN);
    pass(session, LIFE_MS - 60_001);
    expect(connection.commands()).toEqual(["CONNECTED"]);
    pass(session, 1);
    pass(session, 1_000);
    expect(connection.commands()).toEqual(["CONNECTED", "MESSAGE"]);
    expect(JSON.parse(connection.last().text())).toMatchObject({
      code: "TOKEN_EXPIRING",
      expiresAt: new Date(scene.application.expiresMs ?? 0).toISOString(),
    });
  });

  test("is warned as soon as it listens to its errors", () => {
    const { connection, session } = scene.connect();
    pass(session, LIFE_MS - 1_000);
    expect(connection.commands()).toEqual(["CONNECTED"]);
    session.receive(LISTEN);
    pass(session, 1);
    expect(JSON.parse(connection.last().text()).code).toBe("TOKEN_EXPIRING");
  });

  test("goes on with a new token, and is warned of that one's end", () => {
    const { connection, session } = scene.connect();
    session.receive(LISTEN);
    pass(session, LIFE_MS - 1);
    session.renew(makePrincipal({ userId: "alice", expiresMs: scene.clock.now() + LIFE_MS }));
    pass(session, LIFE_MS - 60_000);
    expect(connection.commands()).toEqual(["CONNECTED", "MESSAGE", "MESSAGE"]);
    pass(session, 60_000);
    expect(connection.last().header("code")).toBe("TOKEN_EXPIRED");
  });

  test("goes on for good with a proof that has no end", () => {
    const { connection, session } = scene.connect();
    session.renew(makePrincipal({ userId: "alice" }));
    pass(session, 10 * LIFE_MS);
    expect(connection.closedWith).toBeNull();
  });

  test("has the whole of its time, whatever the wall clock is set to", () => {
    const { connection, session } = scene.connect();
    scene.clock.setWallBy(3_600_000);
    pass(session, LIFE_MS - 1);
    expect(connection.closedWith).toBeNull();
    scene.clock.setWallBy(-7_200_000);
    pass(session, 1);
    expect(connection.last().header("code")).toBe("TOKEN_EXPIRED");
  });
});
