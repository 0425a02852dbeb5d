import { wildcardsIn } from "./topics.ts";

/** What the contract says of destinations and of the bodies that are sent there. */
export type Outcome = "taken" | "refused" | "either";

export interface DestinationJudgement {
  /** The name stands for something. */
  readonly isKnown: boolean;
  readonly subscribe: Outcome;
  /** A transaction takes a SEND to it. */
  readonly permitsSend: boolean;
  readonly isQueue: boolean;
  send(body: Buffer): Outcome | "malformed";
}

const USER_QUEUES = ["messages", "confirmations", "receipts", "profiles", "notices", "errors"];

const NOWHERE: DestinationJudgement = {
  isKnown: false,
  subscribe: "refused",
  permitsSend: false,
  isQueue: false,
  send: () => "refused",
};
const FORBIDDEN: DestinationJudgement = { ...NOWHERE, isKnown: true };

const QUEUE: DestinationJudgement = {
  ...{ isKnown: true, subscribe: "taken", permitsSend: true, isQueue: true },
  send: () => "either",
};

export function judgeDestination(name: string, userId: string): DestinationJudgement {
  if (name.length > 1_024) return NOWHERE;
  if (/^\/app\/./su.test(name)) {
    const permitsSend = isRoute(name);
    return { ...FORBIDDEN, permitsSend, send: (body) => judgeCall(name, body) };
  }
  // Work queues have bounds that only the server sees.
  if (/^\/queue\/./su.test(name)) return QUEUE;
  if (/^\/topic\/./su.test(name)) return judgeTopic(name);
  const [, owner, queue] = /^\/user(?:\/([^/]+))?\/queue\/([a-z]+)$/s.exec(name) ?? [];
  if (queue === undefined || !USER_QUEUES.includes(queue)) return NOWHERE;
  return owner === undefined || owner === userId ? { ...FORBIDDEN, subscribe: "taken" } : FORBIDDEN;
}

function judgeTopic(name: string): DestinationJudgement {
  if (name === "/topic/presence") return { ...FORBIDDEN, subscribe: "taken" };
  // Members only, and once they are; ids that cannot be are no destinations.
  if (name.startsWith("/topic/typing/")) return { ...FORBIDDEN, subscribe: "either" };
  const wildcards = wildcardsIn(name);
  if (wildcards > 0) return { ...FORBIDDEN, subscribe: wildcards > 8 ? "refused" : "taken" };
  return { ...FORBIDDEN, subscribe: "taken", permitsSend: true, send: () => "taken" };
}

type Shape = (value: Record<string, unknown>) => boolean;

const SHAPES: Readonly<Record<string, Shape>> = {
  "/app/chat.send": ({ conversationId, content }) =>
    typeof conversationId === "string" && typeof content === "string" && content !== "",
  "/app/chat.read": ({ id }) => typeof id === "string",
  "/app/chat.sync": ({ conversations }) =>
    typeof conversations === "object" && conversations !== null && !Array.isArray(conversations),
  "/app/user.presence": ({ status }) => ["ONLINE", "AWAY", "OFFLINE"].includes(String(status)),
  "/app/user.connect": ({ userId }) => typeof userId === "string",
};
const isTyping: Shape = (value) => typeof value.isTyping === "boolean";
/** Routes that may be there in a later version: what they make of a body is not known here. */
const OTHER_ROUTES = ["/app/auth.refresh"];

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function isRoute(name: string): boolean {
  const isKnown = SHAPES[name] !== undefined || OTHER_ROUTES.includes(name);
  return isKnown || name.startsWith("/app/chat.typing/");
}

function judgeCall(name: string, body: Buffer): Outcome | "malformed" {
  const shape = name.startsWith("/app/chat.typing/") ? isTyping : SHAPES[name];
  if (shape === undefined) return OTHER_ROUTES.includes(name) ? "either" : "refused";
  let text: string;
  try {
    text = strictUtf8.decode(body);
  } catch {
    return "malformed";
  }
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject && shape({ ...value }) ? "either" : "refused";
  } catch (fault) {
    // How deep a parser goes is its own affair.
    return fault instanceof SyntaxError ? "refused" : "either";
  }
}
