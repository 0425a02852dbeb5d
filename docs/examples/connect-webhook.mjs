// Says who connects, for Parley's webhook.url. Run it: PORT=3000 WEBHOOK_SECRET=… node connect-webhook.mjs
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const SECRET = process.env.WEBHOOK_SECRET ?? ""; // The same as Parley's webhook.secret.
const sessions = new Map([["a-session", { userId: "alice", name: "Alice", roles: ["editor"] }]]);

/** It is Parley that asks, and now: not somebody else, and not a call that was seen before. */
function isParley(signature = "", body) {
  const [, seconds, given] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature) ?? [];
  if (seconds === undefined || Math.abs(Date.now() / 1000 - seconds) > 300) return false;
  const expected = createHmac("sha256", SECRET).update(`${seconds}.${body}`).digest();
  return timingSafeEqual(expected, Buffer.from(given, "hex"));
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  response.statusCode = 400;
  if (isParley(request.headers["x-parley-signature"], body)) {
    const cookie = /(?:^|; )sid=([^;]+)/.exec(request.headers.cookie ?? "")?.[1];
    const user = sessions.get(cookie ?? JSON.parse(body).token);
    response.statusCode = user === undefined ? 401 : 200;
    response.write(JSON.stringify(user ?? null));
  }
  response.end();
});
server.listen(process.env.PORT ?? 3000, "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${server.address().port}/\n`);
});
