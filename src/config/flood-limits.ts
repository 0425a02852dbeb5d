import { delayMs, integer } from "./setting.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const MILLION = 1_000_000;

const RATE = { min: 0, max: MILLION };
const COUNT = { min: 0, max: MILLION };

/** Settings under `limits` by which nobody takes the server away from others. */
export const floodLimits = {
  connections: integer(
    0,
    COUNT,
    "Connections at a time; 0 is nine tenths of the file descriptors that the system allows.",
  ),
  connectionsPerAddress: integer(
    1_000,
    COUNT,
    "Connections of a client address at a time; 0 is no limit.",
  ),
  strangersPerAddress: integer(
    200,
    COUNT,
    "Connections of a client address at a time whose CONNECT has not been accepted yet; 0 is no limit.",
  ),
  connectionsPerUser: integer(10_000, COUNT, "Connections of a user at a time; 0 is no limit."),
  bufferedBytes: integer(
    1_024 * MIB,
    { min: KIB, max: 1_024 * 1_024 * MIB },
    "What all connections together may have waiting to be sent or handled; past it new ones are refused and the greediest closed.",
  ),
  connectsPerSecond: integer(
    50,
    RATE,
    "Connections that a client address may open a second; 0 is no limit.",
  ),
  connectsBurst: integer(500, RATE, "Connections that a client address may open at once."),
  failedLoginsPerMinute: integer(
    30,
    RATE,
    "Failed logins of a client address a minute, and at once; past them no login of it is looked at. 0 is no limit.",
  ),
  connectFrameBytes: integer(
    16 * KIB,
    { min: KIB, max: 64 * MIB },
    "The largest frame before CONNECT is accepted; four times as much may wait behind it.",
  ),
  requestMs: delayMs(
    30_000,
    1_000,
    "The time that the body of an HTTP request may take, a connection may be kept between requests, and nothing may come of a file that is uploaded. In whole seconds up to 255.",
  ),
  addressMessagesPerSecond: integer(
    1_000,
    RATE,
    "Chat messages that may come from a client address a second; 0 is no limit.",
  ),
  addressMessagesBurst: integer(
    2_000,
    RATE,
    "Chat messages that may come from a client address at once.",
  ),
  requestsPerSecond: integer(
    200,
    RATE,
    "Requests of users to the HTTP API that may come from a client address a second; 0 is no limit.",
  ),
  requestsBurst: integer(
    2_000,
    RATE,
    "Requests of users to the HTTP API that may come from a client address at once.",
  ),
  typingPerSecond: integer(
    20,
    RATE,
    "Typing and presence signals of a user a second; of more typing, the last state comes late. 0 is no limit.",
  ),
  typingBurst: integer(40, RATE, "Typing and presence signals that a user may send at once."),
  sendsPerSecond: integer(
    0,
    RATE,
    "Messages that a user may send to topics and work queues a second; 0 is no limit.",
  ),
  sendsBurst: integer(
    1_000,
    RATE,
    "Messages that a user may send to topics and work queues at once.",
  ),
  subscribesPerSecond: integer(
    0,
    RATE,
    "SUBSCRIBE frames that a user may send a second; 0 is no limit.",
  ),
  subscribesBurst: integer(4_000, RATE, "SUBSCRIBE frames that a user may send at once."),
  searchesPerSecond: integer(
    5,
    RATE,
    "Searches of messages that a user may ask for a second; 0 is no limit.",
  ),
  searchesBurst: integer(20, RATE, "Searches of messages that a user may ask for at once."),
  patterns: integer(
    128,
    { min: 0, max: MILLION },
    "Subscriptions of a connection to topics with wildcards.",
  ),
  patternsPerUser: integer(
    10_000,
    COUNT,
    "Subscriptions of a user, of all connections together, to topics with wildcards; past it no other wildcards. 0 is no limit.",
  ),
};

/** Each limit by a rate, with what may come at once. */
export const RATES = [
  ["messagesPerSecond", "messagesBurst"],
  ["connectsPerSecond", "connectsBurst"],
  ["addressMessagesPerSecond", "addressMessagesBurst"],
  ["requestsPerSecond", "requestsBurst"],
  ["typingPerSecond", "typingBurst"],
  ["sendsPerSecond", "sendsBurst"],
  ["subscribesPerSecond", "subscribesBurst"],
  ["searchesPerSecond", "searchesBurst"],
] as const;
