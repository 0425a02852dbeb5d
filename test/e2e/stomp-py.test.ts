import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { BINARY, type ParleyProcess, startParley } from "../support/parley-process.ts";
import { connectStock, type StockClient, subscribeAll } from "../support/stock-client.ts";
import { bringStompPy, runPython } from "../support/stomp-py.ts";
import { CERT_FILE, KEY_FILE } from "../support/tcp-client.ts";

const FLAGS = [
  ...["--tcp-port=0", "--limits-messages-per-second=0"],
  ...["--heartbeat-send-ms=1000", "--heartbeat-receive-ms=1000", "--heartbeat-minimum-ms=100"],
];
const VERSIONS = ["1.0", "1.1", "1.2"] as const;

let server: ParleyProcess;
let front: StockClient;

beforeAll(async () => {
  expect(bringStompPy()).toBeNull();
  server = await startParley({ flags: FLAGS });
  front = await connectStock(server, "front");
  await subscribeAll(front);
});

afterAll(async () => {
  await front.close();
  expect(await server.stop()).toBe(0);
});

const SCENARIOS = "test/stomp-py/scenarios.py";

/** Runs to its end without a failed assertion. */
async function expectScenario(name: string, ...args: string[]): Promise<void> {
  const run = await runPython({ file: SCENARIOS, args: [name, `${server.tcpPort}`, ...args] });
  expect(run.output).toBe("done\n");
  expect(run.exitCode).toBe(0);
}

describe.each(VERSIONS)("stomp.py with STOMP %s", (version) => {
  test("chats with a front end on WebSocket", async () => {
    const user = `back-${version}`;
    const back = expectScenario("chat", version);
    const message = await front.event(
      "/user/front/queue/messages",
      ({ senderId }) => senderId === user,
    );
    expect(message.content).toBe("Grüße 👋");
    front.send("/app/chat.send", { conversationId: user, content: "zurück 👍" });
    await back;
  });

  // [STOMP 1.0] knows no client-individual.
  const ackModes = version === "1.0" ? ["client"] : ["client", "client-individual"];
  test.each(ackModes)("acknowledges messages of a topic: %s", (ack) =>
    expectScenario("topic", version, ack),
  );

  test.each(ackModes)("acknowledges messages of its own queue: %s", (ack) =>
    expectScenario("user_queue", version, ack),
  );

  test("works on a queue", () => expectScenario("work_queue", version));

  test("works in transactions", () => expectScenario("transactions", version));
});

test.each(["1.1", "1.2"])("stomp.py keeps a connection alive with heart-beats: %s", (version) =>
  expectScenario("heartbeats", version),
);

test("stomp.py over TLS", async () => {
  const flags = ["--tcp-port=0", `--tcp-cert-file=${CERT_FILE}`, `--tcp-key-file=${KEY_FILE}`];
  const secure = await startParley({ flags });
  const args = ["tls", `${secure.tcpPort}`, CERT_FILE];
  const run = await runPython({ file: SCENARIOS, args });
  expect(run.output).toBe("done\n");
  expect(await secure.stop()).toBe(0);
});

test("stomp.py with a token", async () => {
  const env = { PARLEY_JWT_SECRET: "0123456789abcdef0123456789abcdef" };
  const strict = await startParley({ flags: ["--tcp-port=0"], env });
  const made = Bun.spawnSync([BINARY, "token", "--user", "alice"], { env });
  const args = ["token", `${strict.tcpPort}`, made.stdout.toString().trim()];
  const run = await runPython({ file: SCENARIOS, args });
  expect(run.output).toBe("done\n");
  expect(await strict.stop()).toBe(0);
});

test("stomp.py hears that the server stops", async () => {
  const stopping = await startParley({ flags: ["--tcp-port=0"] });
  const exitCodes: Promise<number>[] = [];
  const run = await runPython({
    file: SCENARIOS,
    args: ["shutdown", `${stopping.tcpPort}`],
    onLine: (line) => {
      if (line === "connected") exitCodes.push(stopping.stop());
    },
  });
  expect(run.output).toBe("connected\ndone\n");
  expect(await Promise.all(exitCodes)).toEqual([0]);
});

test("the example of the documentation greets, and prints the answer", async () => {
  const alice = await connectStock(server, "alice");
  await subscribeAll(alice);
  const run = runPython({
    file: "docs/examples/stomp_client.py",
    args: [`${server.tcpPort}`],
    onLine: (_, endInput) => endInput(),
  });
  const greeting = await alice.event("/user/alice/queue/messages");
  expect(greeting.content).toBe("Your invoice is ready");
  alice.send("/app/chat.send", { conversationId: "invoice-17", content: "Thank you 👋" });
  expect(await run).toEqual({ exitCode: 0, output: "alice: Thank you 👋\n" });
  await alice.close();
});
