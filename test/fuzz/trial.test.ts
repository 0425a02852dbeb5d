import { expect, test } from "bun:test";
import { TcpCarrier } from "./carriers/tcp.ts";
import { Tally } from "./tally.ts";
import { Trial } from "./trial.ts";

const CONNECT = "CONNECT\naccept-version:1.2\nX-User-Id:u\n\n\0";
const CONNECTED = "CONNECTED\nversion:1.2\n\n\0";
const SUBSCRIBE = "SUBSCRIBE\nid:s\ndestination:/topic/*.b\nack:client\n\n\0";
const message = (headers: string) => `MESSAGE\nmessage-id:m\n${headers}\n\n\0`;
const MATCHING = message("subscription:s\ndestination:/topic/a.b\nack:1-m");

/** What is said of a server that answers so. */
function faultsOf(sent: string[], answers: string[]): string[] {
  const trial = new Trial(new TcpCarrier().reader(), new Tally());
  for (const [index, bytes] of sent.entries()) {
    trial.sent(Buffer.from(bytes));
    trial.received(Buffer.from(answers[index] ?? ""));
  }
  trial.oracle.late();
  return trial.oracle.faults.map(({ text }) => text);
}

test.each([
  ["nothing wrong", [CONNECT + SUBSCRIBE], [CONNECTED + MATCHING]],
  [
    "an ACK of what came",
    [CONNECT + SUBSCRIBE, "ACK\nid:1-m\nreceipt:r\n\n\0"],
    [CONNECTED + MATCHING, "RECEIPT\nreceipt-id:r\n\n\0"],
  ],
  [
    "a receipt that 1.2 can say",
    [`${CONNECT}SEND\ndestination:/topic/a\nreceipt:a\\n\\cb\n\n\0`],
    [`${CONNECTED}RECEIPT\nreceipt-id:a\\n\\cb\n\n\0`],
  ],
])("%s", (_name, sent, answers) => {
  expect(faultsOf(sent, answers)).toEqual([]);
});

test.each([
  [
    "a header that was let in",
    "injected",
    message("subscription:s\ndestination:/topic/a.b\nevil:1"),
  ],
  [
    "a message of no subscription",
    "no subscription",
    message("subscription:t\ndestination:/topic/a.b"),
  ],
  [
    "a message of another topic",
    "no subscription",
    message("subscription:s\ndestination:/topic/a/b"),
  ],
  [
    "a message without an id",
    "message-id",
    "MESSAGE\nsubscription:s\ndestination:/topic/a.b\n\n\0",
  ],
  ["an answer that is no frame", "colon", "RECEIPT\nreceipt-id\n\n\0"],
  ["a receipt for nothing", "answers nothing", "RECEIPT\nreceipt-id:r\n\n\0"],
])("%s is a fault", (_name, text, answer) => {
  expect(faultsOf([CONNECT + SUBSCRIBE], [CONNECTED + answer]).join()).toContain(text);
});

test("what counts are frames, and nothing behind the end", () => {
  const tally = new Tally();
  const trial = new Trial(new TcpCarrier().reader(), tally);
  trial.sent(Buffer.from(`${CONNECT}\n\n${SUBSCRIBE}SEND\n\n\0${SUBSCRIBE}${SUBSCRIBE}`));
  expect([tally.accepted, tally.refused, tally.malformed, tally.unread]).toEqual([2, 1, 0, 2]);
  expect(tally.frames).toBe(3);
});
