import { expect, test } from "bun:test";
import fc from "fast-check";
import { type PresenceNodeProcess, PresenceNodes } from "../support/presence-nodes.ts";

const RUNS = 100;
const GRACE_MS = 1_000;
/** A node that was cut off is judged again, a dead one's users are gone, and all is asked for. */
const QUIET_MS = 30_000;
const NODES = ["a", "b", "c"];
const USERS = ["ann", "ben", "cleo", "dora"];

type Step = readonly [
  act:
    | "connect"
    | "disconnect"
    | "say"
    | "forget"
    | "lose messages"
    | "cut off"
    | "heal"
    | "pause"
    | "resume"
    | "kill"
    | "stop"
    | "start"
    | "wait",
  node: string,
  user: string,
  status: "ONLINE" | "AWAY" | "OFFLINE",
  ms: number,
];

const often = (act: Step[0], weight: number) => ({ arbitrary: fc.constant(act), weight });

const step: fc.Arbitrary<Step> = fc.tuple(
  fc.oneof(
    ...[often("connect", 8), often("disconnect", 6), often("say", 4), often("forget", 1)],
    ...[often("lose messages", 2), often("cut off", 2), often("heal", 4), often("pause", 1)],
    ...[
      often("resume", 2),
      often("kill", 1),
      often("stop", 1),
      often("start", 3),
      often("wait", 4),
    ],
  ),
  fc.constantFrom(...NODES),
  fc.constantFrom(...USERS),
  fc.constantFrom("ONLINE", "AWAY", "OFFLINE"),
  fc.constantFrom(0, 10, 60, 300, 1_100, 7_000),
);

/** A node that runs, and who is connected to it. */
interface Running {
  readonly node: PresenceNodeProcess;
  readonly connections: string[];
}

class Installation {
  readonly nodes = new PresenceNodes(GRACE_MS);
  readonly running = new Map<string, Running>();

  async do([act, name, userId, status, ms]: Step): Promise<void> {
    const found = this.running.get(name);
    if (act === "start") {
      if (found === undefined)
        this.running.set(name, { node: this.nodes.start(name), connections: [] });
    } else if (found !== undefined) await this.#actOn(found, act, name, userId, status);
    await this.nodes.pass(ms);
  }

  async quiet(): Promise<void> {
    for (const { node } of this.running.values()) this.#mend(node);
    await this.nodes.pass(QUIET_MS);
  }

  async #actOn(
    { node, connections }: Running,
    act: Step[0],
    name: string,
    userId: string,
    status: Step[3],
  ): Promise<void> {
    const at = connections.indexOf(userId);
    // A process that stands does nothing but go on, or end.
    if (node.isPaused && act !== "resume" && act !== "kill") return;
    if (act === "connect") {
      connections.push(userId);
      node.connect(userId);
    } else if (act === "disconnect" && at >= 0) {
      connections.splice(at, 1);
      node.presence.disconnected(userId);
    } else if (act === "say") node.presence.set(userId, status);
    else if (act === "forget" && at < 0) node.presence.forget(userId);
    else if (act === "lose messages") node.backplane.isLossy = true;
    else if (act === "cut off" && node.backplane.isConnected) node.backplane.lose();
    else if (act === "heal" || act === "resume") this.#mend(node);
    else if (act === "pause") node.pause();
    else if (act === "kill" || act === "stop") {
      this.running.delete(name);
      if (act === "kill") node.kill();
      else await node.stop();
    }
  }

  #mend(node: PresenceNodeProcess): void {
    if (node.isPaused) node.resume();
    node.backplane.isLossy = false;
    if (!node.backplane.isConnected) node.backplane.heal();
  }
}

/** What a listener of the node knows who has heard all from its start. */
function known(node: PresenceNodeProcess): Record<string, unknown> {
  const latest = USERS.map((userId) => [userId, node.heard(userId).at(-1)] as const);
  return Object.fromEntries(
    latest.filter(([, status]) => status !== undefined && status !== "OFFLINE"),
  );
}

test("whatever happened, once it is quiet all nodes agree with the truth, and so do those who listen", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
      const installation = new Installation();
      for (const name of NODES) await installation.do(["start", name, "", "ONLINE", 20]);
      for (const each of steps) await installation.do(each);
      await installation.quiet();
      const running = [...installation.running.values()];
      const truth = new Set(running.flatMap(({ connections }) => connections));
      const views = running.map(({ node }) => node.view());
      for (const [index, { node }] of running.entries()) {
        expect(views[index]).toEqual(views[0] ?? {});
        expect(known(node)).toEqual(views[0] ?? {});
        expect(node.presence.onlineCount).toBe(truth.size);
        expect(node.known()).toHaveLength(running.length - 1);
      }
    }),
    { numRuns: RUNS },
  );
}, 120_000);
