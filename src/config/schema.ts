import { join } from "node:path";
import { z } from "zod";
import { access } from "./access.ts";
import { apns } from "./apns.ts";
import { attachments } from "./attachments.ts";
import { api, authentication } from "./authentication.ts";
import { backplane, nats, node, rabbitmq, redis } from "./backplane.ts";
import { email } from "./email.ts";
import { eventWebhook } from "./event-webhook.ts";
import { fcm } from "./fcm.ts";
import { jwt } from "./jwt.ts";
import { heartbeat, limits } from "./limits.ts";
import { tcp, tls } from "./listeners.ts";
import { notify } from "./notify.ts";
import { outbound } from "./outbound.ts";
import { processCount, processes, supervisor } from "./processes.ts";
import { proxy } from "./proxy.ts";
import { cookie } from "./session-cookie.ts";
import { boolean, choice, delayMs, integer, list, optionalText, text } from "./setting.ts";
import { tracing } from "./tracing.ts";
import { trustedHeader } from "./trusted-header.ts";
import { webhook } from "./webhook.ts";
import { webpush } from "./webpush.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const MILLION = 1_000_000;

/** Every setting of Parley: the source of the flags, the variables, the file, the help and the docs. */
export const settingsSchema = z.object({
  host: text("127.0.0.1", "The address to listen on; 0.0.0.0 or :: is every one."),
  port: integer(8080, { min: 0, max: 65_535 }, "The port to listen on; 0 picks a free one."),
  data: z.object({
    dir: text("./data", "The directory for everything that Parley keeps."),
  }),
  database: z.object({
    url: optionalText("Where messages are kept; of PostgreSQL, HOST may be several with commas.", {
      accepts: (url) => url === "memory:" || /^(sqlite:|postgres(ql)?:\/\/)./.test(url),
      expected: "sqlite:PATH, postgres://USER:PASSWORD@HOST/DATABASE, or memory: to keep nothing",
      defaultText: "sqlite:{data.dir}/parley.db",
      secret: true,
    }),
    check: choice(
      ["auto", "always", "never"],
      "auto",
      "When a start verifies the database of SQLite; auto is after a stop that was not clean, and always up to 32 MiB.",
    ),
    busyTimeoutMs: delayMs(
      5_000,
      0,
      "How long a write waits for a lock that another program holds on the database.",
    ),
    statementTimeoutMs: delayMs(
      30_000,
      1_000,
      "How long a statement may take in PostgreSQL, which then gives it up.",
    ),
    connections: integer(
      10,
      { min: 4, max: 10_000 },
      "The most connections to PostgreSQL for reads and writes together; one more holds locks.",
    ),
  }),
  processes,
  supervisor,
  backplane,
  node,
  redis,
  rabbitmq,
  nats,
  retention: z.object({
    maxAgeDays: integer(
      0,
      { min: 0, max: 36_500 },
      "Chat messages older than so many days are removed; 0 keeps them for good.",
    ),
    messagesPerConversation: integer(
      0,
      { min: 0, max: 1_000 * MILLION },
      "The last so many messages of each conversation are kept and older ones removed; 0 keeps all.",
    ),
    intervalMs: delayMs(
      3_600_000,
      100,
      "From the end of one removal of old messages to the next; the first is soon after the start.",
    ),
  }),
  log: z.object({
    level: choice(
      ["trace", "debug", "info", "warn", "error", "fatal", "silent"],
      "info",
      "The least important lines to log.",
    ),
    format: choice(
      ["auto", "json", "text"],
      "auto",
      "The form of the log; auto is text on a terminal, JSON elsewhere.",
    ),
  }),
  authentication,
  jwt,
  cookie,
  webhook,
  trustedHeader,
  api,
  access,
  insecureTrustUserId: boolean(
    false,
    "Believe whoever names a user, on every address: for tests in a closed network only.",
  ),
  http: z.object({
    allowedOrigins: list("Origins of web pages that may connect; * is every one.", {
      accepts: isOrigin,
      expected: "origins as browsers send them, such as https://chat.example, or *",
    }),
  }),
  delivery: z.object({
    mode: choice(
      ["fast", "durable"],
      "fast",
      "When recipients get a message: at once, or after it is on disk.",
    ),
    commitIntervalMs: integer(
      1,
      { min: 0, max: 10_000 },
      "From the beginning of a commit of messages to that of the next, at least: under load, fewer and larger commits, for that much more until SENT. A message that comes later never waits.",
      "milliseconds",
    ),
    gatherMs: delayMs(
      1,
      0,
      "How long messages to a topic with many subscribers may wait for each other when they come in quick succession, to leave in one write; 0 lets none wait. Chat messages never do.",
    ),
  }),
  chat: z.object({
    echo: choice(
      ["others", "all", "none"],
      "others",
      "Which of the sender's own connections get a message too.",
    ),
    openDirect: boolean(true, "A message with a recipient opens a direct conversation."),
    systemMessages: boolean(
      true,
      "What happens to a group (who comes and goes, its title) is told in it, as messages with an `event`.",
    ),
    editWithinMs: delayMs(
      0,
      0,
      "How long after its sending a message may be edited by its sender; 0 is for ever.",
    ),
    deleteWithinMs: delayMs(
      0,
      0,
      "How long after its sending a message may be deleted for all by its sender; 0 is for ever.",
    ),
    openGroups: boolean(true, "Users may make groups; else the app's back end alone does."),
    openProfiles: boolean(
      true,
      "Users may set their own name and picture; else the app's back end alone does.",
    ),
    recentMessages: integer(1_000, { min: 0, max: MILLION }, "Recent messages kept in memory."),
    cachedMembers: integer(
      250_000,
      { min: 1_000, max: 100 * MILLION },
      "Members of conversations kept in memory, those used last. A conversation itself counts for three: 250000 are 50,000 direct ones.",
    ),
    typingExpiryMs: delayMs(6_000, 100, "How long a user is typing without saying so again."),
  }),
  attachments,
  email,
  outbound,
  fcm,
  apns,
  eventWebhook,
  notify,
  webpush,
  queue: z.object({
    prefetch: integer(
      100,
      { min: 1, max: MILLION },
      "Messages that a consumer has at a time without having acknowledged them, unless its SUBSCRIBE says `prefetch-count`.",
    ),
    maxDeliveries: integer(
      10,
      { min: 0, max: MILLION },
      "How often a message is delivered before it becomes a dead letter; 0 is without end.",
    ),
    leaseMs: delayMs(
      10_000,
      1_000,
      "Where nodes share work queues: what a node's consumers have goes to others when it was out of contact with the database for so long.",
    ),
  }),
  presence: z.object({
    graceMs: delayMs(5_000, 0, "How long after the last connection a user goes offline."),
    ttlMs: delayMs(
      300_000,
      1_000,
      "How long users of other nodes are held to be there while these are not reached.",
    ),
    visibleTo: choice(
      ["everyone", "contacts", "nobody"],
      "everyone",
      "Who sees whether a user is there, and when they last were; contacts share a conversation.",
    ),
  }),
  metrics: z.object({
    open: boolean(
      false,
      "Everybody who reaches the server may read `/metrics`; else it takes a key of `api.keys`.",
    ),
    queues: list("Work queues that are measured each by itself, beside all together.", {
      accepts: (name) => /^\/queue\/[^\s*]{1,512}$/.test(name),
      expected: "names of queues, such as /queue/orders",
    }),
  }),
  tracing,
  heartbeat,
  limits,
  events: z.object({
    heartbeatMs: delayMs(15_000, 1_000, "How often a stream of `/api/events` gets a heart-beat."),
    pollGraceMs: delayMs(
      15_000,
      1,
      "How long a client of `/api/events` that polls may stay away between two polls and still count as connected.",
    ),
  }),
  sockjs: z.object({
    heartbeatMs: delayMs(25_000, 1_000, "How often an idle SockJS connection gets a heart-beat."),
    graceMs: delayMs(
      5_000,
      1,
      "How long a SockJS session over HTTP lives without a request that receives.",
    ),
    responseBytes: integer(
      128 * KIB,
      { min: KIB, max: 1_024 * MIB },
      "What one streaming response of SockJS holds before the client asks for the next.",
    ),
    sessions: integer(10_000, { min: 1, max: MILLION }, "SockJS sessions over HTTP at a time."),
    cookies: boolean(
      false,
      "Set the JSESSIONID cookie by which some load balancers keep SockJS sessions together.",
    ),
    clientUrl: optionalText("The script of sockjs-client that SockJS's iframe pages load.", {
      defaultText: "/ws/sockjs.min.js",
    }),
    testServices: boolean(
      false,
      "Offer the services that SockJS test suites expect, /echo and others, to everybody. For tests only.",
    ),
  }),
  tls,
  tcp,
  proxy,
  shutdown: z.object({
    timeoutMs: integer(
      10_000,
      { min: 0, max: 3_600_000 },
      "How long an orderly stop may take, from the end of shutdown.drain_ms on.",
      "milliseconds",
    ),
    drainMs: delayMs(
      0,
      0,
      "How long a server that stops goes on for the clients that it has, while it takes no new ones and /readyz says so.",
    ),
    reconnectSpreadMs: delayMs(
      5_000,
      0,
      "Clients of a server that stops are told to come back after a random time up to this one.",
    ),
  }),
});

type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T;
type ParsedSettings = z.output<typeof settingsSchema>;

/** The settings of one server, complete and checked. */
export type Settings = DeepReadonly<
  Omit<ParsedSettings, "database" | "tcp" | "processes"> & {
    processes: number;
    database: ParsedSettings["database"] & { url: string };
    tcp: ParsedSettings["tcp"] & { host: string };
  }
>;

/** Fills in the defaults that follow from other settings. */
export function completeSettings(parsed: ParsedSettings): Settings {
  const url = parsed.database.url ?? `sqlite:${join(parsed.data.dir, "parley.db")}`;
  const ownPair = parsed.tcp.certFile !== undefined || parsed.tcp.plain;
  const { certFile, keyFile } = parsed.tls;
  const pair = ownPair || certFile === undefined ? {} : { certFile, keyFile };
  const tcp = { ...parsed.tcp, host: parsed.tcp.host ?? parsed.host, ...pair };
  const processes = processCount(parsed.processes);
  return { ...parsed, processes, database: { ...parsed.database, url }, tcp };
}

/** `https://chat.example`, `capacitor://localhost`, `*`: no path, no trailing slash, lower case. */
function isOrigin(value: string): boolean {
  if (value === "*") return true;
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/\s?#@]+$/.test(value)) return false;
  if (!value.startsWith("http:") && !value.startsWith("https:")) return true;
  return URL.canParse(value) && new URL(value).origin === value;
}
