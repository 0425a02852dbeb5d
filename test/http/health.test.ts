import { expect, test } from "bun:test";
import { type HealthSource, healthDocument } from "../../src/http/health.ts";

const well: HealthSource = {
  activeConnections: 3,
  onlineUsers: 2,
  isStoreFailing: false,
  isStoreBehind: false,
  backplane: "CONNECTED",
  isStopping: false,
};

test.each([
  ["UP", {}],
  ["DEGRADED", { isStoreFailing: true }],
  ["DEGRADED", { isStoreBehind: true }],
  ["UP", { backplane: "LOCAL" }],
  ["DEGRADED", { backplane: "DISCONNECTED" }],
  ["DOWN", { isStopping: true }],
  ["DOWN", { isStopping: true, isStoreFailing: true, isStoreBehind: true }],
] as const)("health is %s with %p", (status, change) => {
  expect(healthDocument({ ...well, ...change }, 0)).toEqual({
    status,
    activeConnections: 3,
    onlineUsers: 2,
    backplane: "backplane" in change ? change.backplane : "CONNECTED",
    timestamp: "1970-01-01T00:00:00.000Z",
  });
});
