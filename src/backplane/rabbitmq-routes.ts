import { isTopicPattern } from "../broker/topic-pattern.ts";

/** What RabbitMQ calls topics, those of its exchange `amq.topic`. */
const TOPIC = "/topic/";
/** Routing keys of what is between nodes alone begin with this word. */
const OWN_WORD = "$parley";
/** Of a routing key, in AMQP. */
const MOST_KEY_BYTES = 255;

/** Where a channel is in RabbitMQ. */
export interface Route {
  /** For SEND and SUBSCRIBE. */
  readonly destination: string;
  /** Everybody in RabbitMQ knows it by this name: other clients publish and listen there too. */
  readonly isNative: boolean;
}

/**
 * A channel `/topic/NAME` is what RabbitMQ calls so, the routing key NAME of `amq.topic`. Channels
 * that are not topics, or whose names AMQP cannot say, have keys under a word of their own; of the
 * longest only the beginning is in the key, so that more may come by it than was asked for.
 */
export function routeOf(channel: string): Route {
  const name = nativeName(channel);
  if (name !== null) return { destination: destinationOf(name), isNative: true };
  return { destination: destinationOf(shortened(ownKey(channel))), isNative: false };
}

/** Where everything comes whose channel begins so, and maybe more: keys are matched word by word. */
export function prefixDestinations(prefix: string): string[] {
  const own = wordsBefore(shortened(ownKey(prefix)));
  if (!prefix.startsWith(TOPIC)) {
    const isAboveTopics = TOPIC.startsWith(prefix);
    return [...(isAboveTopics ? [destinationOf("#")] : []), destinationOf(`${own}#`)];
  }
  const name = shortened(prefix.slice(TOPIC.length));
  return [destinationOf(`${wordsBefore(name)}#`), destinationOf(`${own}#`)];
}

/** The topic of a MESSAGE's `destination`; null if it is none, or of what is between nodes alone. */
export function topicOf(destination: string): string | null {
  if (!destination.startsWith(TOPIC) || destination.startsWith(TOPIC + OWN_WORD)) return null;
  try {
    return decodeURIComponent(destination);
  } catch {
    return null;
  }
}

/** RabbitMQ reads no other escape in a name. */
function destinationOf(key: string): string {
  return TOPIC + key.replaceAll("/", "%2F");
}

/** null for a name that is none in RabbitMQ, or means something else there. */
function nativeName(channel: string): string | null {
  if (!channel.startsWith(TOPIC) || isTopicPattern(channel)) return null;
  const name = channel.slice(TOPIC.length);
  if (name === "" || name.startsWith(OWN_WORD) || name.includes("%2F")) return null;
  return Buffer.byteLength(name) > MOST_KEY_BYTES ? null : name;
}

/** `user/x` as `$parley.user.x`, so that a prefix may end behind the first word. */
function ownKey(channel: string): string {
  const [, first, rest] = /^\/?([^/]*)\/([\s\S]*)$/.exec(channel) ?? [];
  if (first === undefined || rest === undefined) return `${OWN_WORD}.${escaped(channel)}`;
  return `${OWN_WORD}.${escaped(first)}.${escaped(rest)}`;
}

/** No wildcard, and nothing that reads as an escape. */
function escaped(text: string): string {
  return text.replace(/[%*#]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
}

function shortened(key: string): string {
  const bytes = Buffer.from(key);
  if (bytes.length <= MOST_KEY_BYTES) return key;
  // Less than a character may be left at the end.
  return bytes.toString("utf8", 0, MOST_KEY_BYTES).replace(/\ufffd+$/, "");
}

/** With the dot behind them. What is behind the last dot may be a part of a word. */
function wordsBefore(key: string): string {
  return key.slice(0, key.lastIndexOf(".") + 1);
}
