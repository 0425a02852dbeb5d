import { expect, test } from "bun:test";
import { Latencies } from "../../bench/load/latencies.ts";
import { MessageLedger } from "../../bench/load/message-ledger.ts";
import { noFaults } from "../../bench/measurement.ts";

function newLedger() {
  const faults = noFaults();
  const times = {
    toReceipt: new Latencies("receipt"),
    toSent: new Latencies("SENT"),
    toDelivered: new Latencies("DELIVERED"),
  };
  return { faults, times, ledger: new MessageLedger(faults) };
}

/** In the midst of others, as events lie in what a socket has read. */
function event(fields: object): [Buffer, number, number] {
  const before = '{"clientMessageId":"00000099","seq":99}';
  const bytes = Buffer.from(`${before}${JSON.stringify(fields)}${before}`);
  return [bytes, before.length, bytes.length - before.length];
}

test("a message is complete with a copy for each recipient, SENT and DELIVERED", () => {
  const { faults, times, ledger } = newLedger();
  const clientMessageId = ledger.sent(performance.now(), 2, times);
  ledger.received("a", ...event({ clientMessageId, seq: 1 }));
  ledger.confirmed(...event({ clientMessageId, seq: 1, status: "SENT" }));
  ledger.received("b", ...event({ clientMessageId, seq: 1 }));
  expect(ledger.incomplete).toBe(1);
  ledger.confirmed(...event({ clientMessageId, seq: 1, status: "DELIVERED" }));
  expect(ledger.incomplete).toBe(0);
  ledger.close();
  expect(faults).toEqual(noFaults());
  const counts = Object.values(times).map((each) => each.summary().count);
  expect(counts).toEqual([2, 1, 1]);
});

test("what is missing at the end is lost, what comes once more is doubled", () => {
  const { faults, times, ledger } = newLedger();
  const clientMessageId = ledger.sent(0, 1, times);
  ledger.confirmed(...event({ clientMessageId, seq: 1, status: "SENT" }));
  const other = ledger.sent(0, 1, times);
  for (const status of ["SENT", "DELIVERED", "DELIVERED"]) {
    ledger.confirmed(...event({ clientMessageId: other, seq: 2, status }));
  }
  ledger.received("a", ...event({ clientMessageId: other, seq: 2 }));
  ledger.close();
  expect(faults).toMatchObject({ lost: 2, doubled: 1 });
});

test("a confirmation that comes twice does not stand for another", () => {
  const { faults, times, ledger } = newLedger();
  const clientMessageId = ledger.sent(0, 1, times);
  ledger.received("a", ...event({ clientMessageId, seq: 1 }));
  for (const status of ["SENT", "SENT"]) {
    ledger.confirmed(...event({ clientMessageId, seq: 1, status }));
  }
  expect(ledger.incomplete).toBe(1);
  ledger.close();
  expect(faults).toMatchObject({ lost: 1, doubled: 1 });
});

test("a reader who gets a smaller seq after a greater one is told of disorder", () => {
  const { faults, times, ledger } = newLedger();
  const [first, second] = [ledger.sent(0, 1, times), ledger.sent(0, 1, times)];
  ledger.received("a", ...event({ clientMessageId: second, seq: 2 }));
  ledger.received("a in a group", ...event({ clientMessageId: first, seq: 1 }));
  expect(faults.disordered).toBe(0);
  ledger.received("a", ...event({ clientMessageId: first, seq: 1 }));
  expect(faults.disordered).toBe(1);
});

test("what the server refuses is neither lost nor waited for", () => {
  const { faults, times, ledger } = newLedger();
  const clientMessageId = ledger.sent(0, 1, times);
  ledger.refused(...event({ code: "STORAGE_UNAVAILABLE", clientMessageId }));
  expect(ledger.incomplete).toBe(0);
  ledger.close();
  expect(faults).toEqual({ ...noFaults(), refused: 1 });
});
