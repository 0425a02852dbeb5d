// Hears what happens, for Parley's event_webhook.url. Run it: PORT=3000 WEBHOOK_SECRET=whsec_… node webhook-receiver.mjs
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const SECRET = process.env.WEBHOOK_SECRET ?? ""; // One of Parley's event_webhook.secrets.
const key = Buffer.from(SECRET.replace(/^whsec_/, ""), "base64");
const taken = new Set(); // Of a real app: ids of the last days, in its database.

/** It is Parley that tells, and now: not somebody else, and not a call that was seen before. */
function isParley(headers, body) {
  const { "webhook-id": id, "webhook-timestamp": seconds, "webhook-signature": given } = headers;
  if (id === undefined || !(Math.abs(Date.now() / 1000 - seconds) < 300)) return false;
  const expected = createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest();
  return (given ?? "").split(" ").some((signature) => {
    const bytes = Buffer.from(signature.replace(/^v1,/, ""), "base64");
    return bytes.length === expected.length && timingSafeEqual(bytes, expected);
  });
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  const id = request.headers["webhook-id"];
  response.statusCode = 400;
  if (isParley(request.headers, body)) {
    const { type, data } = JSON.parse(body);
    if (!taken.has(id)) process.stdout.write(`${type} ${data.content ?? data.userId}\n`);
    taken.add(id); // When it is done: what was not answered comes again.
    response.statusCode = 204;
  }
  response.end();
});
server.listen(process.env.PORT ?? 3000, "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${server.address().port}/\n`);
});
