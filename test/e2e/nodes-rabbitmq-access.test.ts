import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { CertificateFolder, newCertificate } from "../support/certificates.ts";
import { Installation, untilLogged } from "../support/nodes.ts";
import { worker } from "../support/queue-worker.ts";
import { RabbitMqServer } from "../support/rabbitmq-server.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const folder = new TemporaryFolder();
const files = new CertificateFolder(folder.path);
let rabbitmq: RabbitMqServer;
let nodes: Installation;

beforeAll(async () => {
  files.put(newCertificate("rabbitmq"));
  rabbitmq = await RabbitMqServer.start({ tls: files });
});

afterEach(async () => {
  await nodes[Symbol.asyncDispose]();
});

afterAll(async () => {
  await rabbitmq[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** Two nodes hear each other by this URL, and share a queue. */
async function assertCarried(url: string, env: Readonly<Record<string, string>> = {}) {
  nodes = await Installation.start(url, ["one", "two"], env);
  await nodes.assertTopicsCross();
  const [one, two] = [nodes.node(0), nodes.node(1)];
  const [producer, consumer] = [await worker(one, "cleo"), await worker(two, "dora")];
  await producer.send("/queue/jobs", "job");
  consumer.consume("/queue/jobs", {}, (message) => message.ack());
  await consumer.client.until(() => consumer.got.length === 1);
  for (const { client } of [producer, consumer]) await client.close();
  for (const node of [one, two]) expect(node.log()).not.toContain("s3cret");
}

test("a RabbitMQ with TLS; whose certificate nobody vouches for is not told the password", async () => {
  const url = `stomps://guest:guest@localhost:${rabbitmq.tlsPort}`;
  await assertCarried(url, { NODE_EXTRA_CA_CERTS: files.certFile });
  const distrustful = await nodes.add("three", { env: {} });
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
  nodes = await Installation.start(url, ["one"], { NODE_EXTRA_CA_CERTS: files.certFile });
  await untilLogged(nodes.node(0), "does not match");
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
  const node = nodes.node(0);
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
  const url = rabbitmq.urlOf("filed", "s3cret-guess");
  const wrong = await nodes.add("three", { url, env: {} });
  await untilLogged(wrong, "Access refused");
  expect(wrong.log()).not.toContain("s3cret");
});
