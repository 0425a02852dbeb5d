import { z } from "zod";
import { floodLimits, RATES } from "./flood-limits.ts";
import { delayMs, integer } from "./setting.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const MILLION = 1_000_000;

/** How idle connections show that they live. */
export const heartbeat = z
  .object({
    sendMs: delayMs(10_000, 0, "How often the server sends a heart-beat; 0 sends none."),
    receiveMs: delayMs(10_000, 0, "How often the server wants a heart-beat; 0 wants none."),
    minimumMs: delayMs(1_000, 1, "The shortest heart-beat interval that a client may ask for."),
  })
  .refine(({ sendMs, minimumMs }) => sendMs === 0 || sendMs >= minimumMs, {
    path: ["sendMs"],
    message: "0 or at least heartbeat.minimum_ms",
  })
  .refine(({ receiveMs, minimumMs }) => receiveMs === 0 || receiveMs >= minimumMs, {
    path: ["receiveMs"],
    message: "0 or at least heartbeat.minimum_ms",
  });

/** What a connection, a user and the server may use. */
export const limits = z
  .object({
    frameBytes: integer(128 * KIB, { min: KIB, max: 64 * MIB }, "The largest STOMP frame."),
    headers: integer(64, { min: 8, max: 10_000 }, "Headers of a frame."),
    headerLineBytes: integer(
      8 * KIB,
      { min: 256, max: MIB },
      "The longest header line of a frame.",
    ),
    subscriptions: integer(1_024, { min: 1, max: MILLION }, "Subscriptions of a connection."),
    pendingFrames: integer(
      4_096,
      { min: 1, max: MILLION },
      "Frames of a connection that may wait while an earlier one is worked on.",
    ),
    pendingBytes: integer(
      4 * MIB,
      { min: KIB, max: 1_024 * MIB },
      "Bytes of the frames that may wait so.",
    ),
    connectMs: delayMs(30_000, 1, "The time a connection has from its opening to CONNECT."),
    sendBufferBytes: integer(
      512 * KIB,
      { min: KIB, max: 1_024 * MIB },
      "What may wait to be sent to a connection; past it the connection is closed.",
    ),
    blockedMs: delayMs(20_000, 1, "The time a connection may take nothing before it is closed."),
    messagesPerSecond: integer(
      50,
      { min: 0, max: MILLION },
      "Chat messages that a user may send a second; 0 is no limit.",
    ),
    messagesBurst: integer(
      100,
      { min: 0, max: MILLION },
      "Chat messages that a user may send at once.",
    ),
    unacknowledgedMessages: integer(
      10_000,
      { min: 1, max: MILLION },
      "Messages of a subscription that may wait for an acknowledgement.",
    ),
    unacknowledgedBytes: integer(
      16 * MIB,
      { min: KIB, max: 1_024 * MIB },
      "Bytes of the messages of a subscription that may wait so.",
    ),
    transactions: integer(16, { min: 1, max: MILLION }, "Open transactions of a connection."),
    transactionFrames: integer(
      1_000,
      { min: 1, max: MILLION },
      "SEND, ACK and NACK frames in the open transactions of a connection.",
    ),
    transactionBytes: integer(
      4 * MIB,
      { min: KIB, max: 1_024 * MIB },
      "Headers and bodies in the open transactions of a connection.",
    ),
    blocks: integer(1_000, { min: 0, max: MILLION }, "Users that a user may block."),
    conversationMembers: integer(1_024, { min: 2, max: MILLION }, "Members of a conversation."),
    queues: integer(10_000, { min: 1, max: MILLION }, "Work queues in use at a time."),
    queueMessages: integer(
      10_000,
      { min: 1, max: 10 * MILLION },
      "Messages of a work queue; past it new ones are refused.",
    ),
    queueBytes: integer(
      256 * MIB,
      { min: KIB, max: 1_024 * 1_024 * MIB },
      "What the messages of all work queues may take of memory; past it new ones are refused.",
    ),
    uncommittedMessages: integer(
      10_000,
      { min: 1, max: 10 * MILLION },
      "Messages that may wait for the disk; past it new ones are refused.",
    ),
    uncommittedBytes: integer(
      64 * MIB,
      { min: KIB, max: 1_024 * 1_024 * MIB },
      "Bytes of the messages that may wait for the disk.",
    ),
    ...floodLimits,
  })
  .superRefine((limits, context) => {
    for (const [perSecond, burst] of RATES) {
      if (limits[perSecond] === 0 || limits[burst] >= 1) continue;
      const path = [burst];
      const setting = perSecond.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      const message = `at least 1, or nothing could come (limits.${setting} = 0 switches the limit off)`;
      context.addIssue({ code: "custom", path, message });
    }
  });
