/** JSON bodies for the /app routes: mostly good ones, then what an attacker would put there. */
import type { Random } from "./random.ts";

export function appBody(destination: string, userId: string, random: Random): string {
  if (random.chance(0.75)) return JSON.stringify(goodBody(destination, userId, random));
  return hostileBody(goodBody(destination, userId, random), random);
}

function goodBody(destination: string, userId: string, random: Random): Record<string, unknown> {
  const other = `fuzz-${random.below(40)}`;
  // The name of a conversation of two follows from the two, so that there are not ever more.
  const conversationId = `fuzz-d-${[userId, other].sort().join("-")}`;
  switch (destination) {
    case "/app/chat.send":
      return {
        conversationId,
        recipientId: other,
        content: random.pick(["hello", "é€😀", "x".repeat(random.below(500) + 1)]),
        ...(random.chance(0.5) ? { clientMessageId: `m${random.below(1_000_000)}` } : {}),
        ...(random.chance(0.2) ? { type: "TEXT", timestamp: "now", status: "READ" } : {}),
      };
    case "/app/chat.read":
      return { id: `${random.below(1_000)}` };
    case "/app/chat.sync":
      return {
        conversations: {
          [conversationId]: random.pick([0, 1, 1_000, { seq: 1, id: "x" }]),
          ...(random.chance(0.3) ? { [`fuzz-d-${random.below(9)}`]: random.below(9) } : {}),
        },
      };
    case "/app/user.presence":
      return { status: random.pick(["ONLINE", "AWAY", "OFFLINE"]) };
    case "/app/user.connect":
      return { userId };
    default:
      return { isTyping: random.chance(0.5), conversationId };
  }
}

const HOSTILE_VALUES = [
  ...["null", "true", "-1", "1e999", "-0", "123456789012345678901234567890", "[]", "{}", '""'],
  ...['"\\ud800"', '"\\u0000"', '"\\udc00\\ud800"', '{"toString":1}', '[["a"]]', '"../../etc"'],
  ...['{"__proto__":{"isAdmin":true}}', '"<script>"', '"\'; DROP TABLE messages;--"', '"a/b"'],
];

function hostileBody(good: Record<string, unknown>, random: Random): string {
  const text = JSON.stringify(good);
  const field = random.pick(Object.keys(good));
  const value = random.pick(HOSTILE_VALUES);
  const depth = random.pick([10, 100, 1_000, 20_000]);
  return random.pick<() => string>([
    () => `${text.slice(0, -1)},${JSON.stringify(field)}:${value}}`,
    () => `{${JSON.stringify(field)}:${value},${text.slice(1)}`,
    () => JSON.stringify({ ...good, [field]: undefined }),
    () => `{"__proto__":${text},"constructor":{"prototype":${value}}}`,
    () => `${"[".repeat(depth)}${"]".repeat(depth)}`,
    () => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`,
    () => text.slice(0, random.below(text.length)),
    () => `${text}${text}`,
    () => `\ufeff${text}`,
    () => value,
    () => `{${JSON.stringify(field)}:"${"k".repeat(5_000)}"}`,
    () => `{${Array.from({ length: 2_000 }, (_, index) => `"k${index}":0`).join()}}`,
  ])();
}
