import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { CertificateFolder, newCertificate } from "../support/certificates.ts";
import { nodesThatHear, startNode } from "../support/nodes.ts";
import type { ParleyProcess } from "../support/parley-process.ts";
import { worker } from "../support/queue-worker.ts";
import { RabbitMqServer } from "../support/rabbitmq-server.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const folder = new TemporaryFolder();
const files = new CertificateFolder(folder.path);
let rabbitmq: RabbitMqServer;
let nodes: ParleyProcess[] = [];

beforeAll(async () => {
  files.put(newCertificate("rabbitmq"));
  rabbitmq = await RabbitMqServer.start({ tls: files });
});

afterEach(async () => {
  for (const node of nodes) expect(await node.stop()).toBe(0);
  nodes = [];
});

afterAll(async () => {
  await rabbitmq[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** Two nodes hear each other by this URL, and share a queue. */
async function assertCarried(url: string, env: Readonly<Record<string, string>> = {}) {
  const [one, two] = await nodesThatHear(url, env);
  nodes.push(one, two);
  const [producer, consumer] = [await worker(one, "cleo"), await worker(two, "dora")];
  await producer.send("/queue/jobs", "job");
  consumer.consume("/queue/jobs", {}, (message) => message.ack());
  await consumer.client.until(() => consumer.got.length === 1);
  for (const { client } of [producer, consumer]) await client.close();
  for (const node of nodes) expect(node.log()).not.toContain("s3cret");
}

async function untilLogged(node: ParleyProcess, text: string): Promise<void> {
  const late = AbortSignal.timeout(20_000);
  while (!node.log().includes(text) && !late.aborted) await fetch(`${node.url}/readyz`);
  expect(node.log()).toContain(text);
}

test("a RabbitMQ with TLS; whose certificate nobody vouches for is not told the password", async () => {
  const url = `stomps://guest:guest@localhost:${rabbitmq.tlsPort}`;
  await assertCarried(url, { NODE_EXTRA_CA_CERTS: files.certFile });
  const distrustful = await startNode(url, "three");
  nodes.push(distrustful);
  await untilLogged(distrustful, "certificate");
});

test("a certificate of somebody else is not RabbitMQ's", async () => {
  const heard: Uint8Array[] = [];
  const { cert, key } = newCertificate("somebody");
  using door = Bun.listen({
    ...{ hostname: "::1", port: 0, tls: { cert, key } },
    socket: {
      data(_, bytes) {
        heard.push(bytes);
      },
    },
  });
  files.put({ cert, key });
  const url = `stomps://node:s3cret@[::1]:${door.port}`;
  const node = await startNode(url, "one", { NODE_EXTRA_CA_CERTS: files.certFile });
  nodes.push(node);
  await untilLogged(node, "does not match");
  expect(heard).toEqual([]);
});

test("a virtual host, and a user who may do no more than it needs", async () => {
  await rabbitmq.control("add_vhost", "team/a");
  await rabbitmq.control("add_user", "node", "s3cret/word");
  const [configure, write, read] = [
    "^(parley\\..*|jobs)$",
    "^(parley\\..*|jobs|amq\\.topic|amq\\.default)$",
    "^(parley\\..*|jobs|amq\\.topic)$",
  ];
  await rabbitmq.control("set_permissions", "-p", "team/a", "node", configure, write, read);
  await assertCarried(rabbitmq.urlOf("node", "s3cret%2Fword", "team/a"));
  const [node] = nodes;
  if (node === undefined) throw new TypeError("no node");
  const curious = await worker(node, "curious");
  curious.consume("/queue/others");
  await curious.client.until(() => curious.client.errors.length === 1);
  expect(curious.client.errors).toEqual(["QUEUE_REFUSED"]);
  await untilLogged(node, "ACCESS_REFUSED");
});

test("a wrong password, and one in a file", async () => {
  await rabbitmq.control("add_user", "filed", "s3cret-in-file");
  await rabbitmq.control("set_permissions", "filed", ".*", ".*", ".*");
  const file = folder.file("rabbitmq-url");
  await Bun.write(file, `${rabbitmq.urlOf("filed", "s3cret-in-file")}\n`);
  await assertCarried("stomp://", { PARLEY_RABBITMQ_URL: "", PARLEY_RABBITMQ_URL_FILE: file });
  const wrong = await startNode(rabbitmq.urlOf("filed", "s3cret-guess"), "three");
  nodes.push(wrong);
  await untilLogged(wrong, "Access refused");
  expect(wrong.log()).not.toContain("s3cret");
});
