import { describe, expect, test } from "bun:test";
import { UNITS, USUAL, type Workload } from "../../bench/capacity/assumptions.ts";
import { bottlenecksOf } from "../../bench/capacity/bottlenecks.ts";
import { type Costs, costsOf } from "../../bench/capacity/costs.ts";
import {
  needsOf,
  nodesOfMembers,
  nodeWireBytes,
  redisWireBytes,
} from "../../bench/capacity/needs.ts";
import { capacityPage } from "../../bench/capacity/page.ts";
import { pagesOf, parseCapacityReport } from "../../bench/capacity/report.ts";
import { slopeOf } from "../../bench/capacity/slope.ts";
import { excess, NO_USAGE, sum, times } from "../../bench/capacity/usages.ts";
import type { Usage } from "../../bench/nodes/samples.ts";
import { emptyReport, load, result } from "../support/bench-reports.ts";
import { MADE_OF, nodesReport, usage } from "../support/nodes-reports.ts";

const NOTHING: Costs = {
  messages: [2, 8, 100].map((members) => ({
    ...{ members, here: NO_USAGE, elsewhere: NO_USAGE, nowhere: NO_USAGE },
  })),
  reading: { members: 2, here: NO_USAGE, elsewhere: NO_USAGE, nowhere: NO_USAGE },
  ...{ visit: NO_USAGE, connection: NO_USAGE, node: NO_USAGE },
  ...{ heardBeat: NO_USAGE, heardChange: NO_USAGE },
  ...{ nodeBytes: 0, connectionBytes: 0, othersUserBytes: 0, channelBytes: 0 },
  ...{ databaseBytes: 0, databaseConnections: 0, commitsPerSecond: 1 },
};

/** Ten messages and two visits a second, of 86,400 users on two nodes. */
const LOAD: Workload = {
  ...{ users: 86_400, messagesPerUserDay: 10, visitsPerUserDay: 2, peakFactor: 1 },
  ...{ usersPerNode: 43_200, readingsPerMessage: 0.5, keptDays: 3 },
  mix: [
    { members: 2, share: 0.5 },
    { members: 8, share: 0.3 },
    { members: 100, share: 0.2 },
  ],
};

function expectUsage(found: Usage, expected: Usage): void {
  for (const [key, value] of Object.entries(expected)) {
    expect(found, key).toHaveProperty(key, expect.closeTo(value, 9));
  }
}

describe("costs", () => {
  const costs = costsOf(nodesReport());

  test("of a message are those of its nodes, without what these use anyway", () => {
    const [direct, small, large] = costs.messages;
    expect(costs.messages.map(({ members }) => members)).toEqual([2, 8, 100]);
    expectUsage(direct?.here ?? NO_USAGE, MADE_OF.direct);
    expectUsage(direct?.elsewhere ?? NO_USAGE, MADE_OF.directElsewhere);
    expectUsage(costs.reading.here, MADE_OF.reading);
    expectUsage(small?.here ?? NO_USAGE, times(MADE_OF.member, 8));
    expectUsage(small?.elsewhere ?? NO_USAGE, MADE_OF.groupElsewhere);
    expect(small?.nowhere).toEqual(NO_USAGE);
    expectUsage(large?.here ?? NO_USAGE, times(MADE_OF.member, 100));
    expectUsage(large?.elsewhere ?? NO_USAGE, MADE_OF.groupElsewhere);
    expectUsage(large?.nowhere ?? NO_USAGE, MADE_OF.groupNowhere);
  });

  test("of users who come, go and live, and of a node, are found", () => {
    expectUsage(costs.visit, MADE_OF.visit);
    expectUsage(costs.connection, MADE_OF.connection);
    expectUsage(costs.node, MADE_OF.node);
  });

  test("of what a node hears of others are slopes over the number of nodes", () => {
    const { redisCpuSeconds, redisBytesOut } = MADE_OF.change;
    const message = { nodesCpuSeconds: MADE_OF.heardChangeSeconds, redisCpuSeconds };
    expectUsage(costs.heardChange, usage({ ...message, redisBytesOut }));
    expectUsage(costs.heardBeat, usage({ ...message, redisBytesOut: MADE_OF.beatBytes }));
  });

  test("of memory and disk are slopes, the larger one of users of other nodes", () => {
    const { nodeBytes, connectionBytes, othersUserBytes, channelBytes } = MADE_OF;
    const { databaseBytes, databaseConnections, commitsPerSecond } = MADE_OF;
    expect(costs).toMatchObject({
      nodeBytes: expect.closeTo(nodeBytes, 3),
      connectionBytes: expect.closeTo(connectionBytes, 6),
      othersUserBytes: expect.closeTo(othersUserBytes, 6),
      channelBytes: expect.closeTo(channelBytes, 6),
      ...{ databaseBytes, databaseConnections, commitsPerSecond },
    });
  });

  test("are refused of a run that did not measure them", () => {
    const samples = nodesReport().samples.filter(({ phases }) =>
      phases.every(({ work }) => work !== "groups"),
    );
    expect(costsOf(nodesReport({ samples })).messages).toHaveLength(1);
    expect(() => costsOf(nodesReport({ samples: [] }))).toThrow("The run has no idle of 1 nodes");
  });
});

describe("needs", () => {
  test("members put anywhere are on so many nodes in the mean", () => {
    expect(nodesOfMembers(2, 1)).toBe(1);
    expect(nodesOfMembers(2, 2)).toBe(1.5);
    expect(nodesOfMembers(100, 2)).toBeCloseTo(2, 12);
    expect(nodesOfMembers(2, 56)).toBeCloseTo(2 - 1 / 56, 12);
  });

  test("a message costs on each node that has members, and on each that has none", () => {
    const of = (nodesCpuSeconds: number) => usage({ nodesCpuSeconds });
    const message = { members: 2, here: of(8), elsewhere: of(4), nowhere: of(2) };
    const { messages } = NOTHING;
    const needs = needsOf({ ...NOTHING, messages: [message, ...messages.slice(1)] }, LOAD);
    // Half of ten messages; the two are on one node and a half.
    expect(needs.direct.nodesCpuSeconds).toBeCloseTo(5 * (8 + 0.5 * 4 + 0.5 * 2), 9);
    expect(needs.total).toEqual(needs.direct);
  });

  test("groups have their share of the messages, by size", () => {
    const messages = NOTHING.messages.map((each) => ({
      ...each,
      here: usage({ commits: each.members }),
    }));
    const needs = needsOf({ ...NOTHING, messages }, LOAD);
    expect(needs.direct.commits).toBeCloseTo(5 * 2, 9);
    expect(needs.groups.commits).toBeCloseTo(3 * 8 + 2 * 100, 9);
    const unknown = [{ members: 9, share: 1 }];
    expect(() => needsOf(NOTHING, { ...LOAD, mix: unknown })).toThrow("of 9 were not measured");
  });

  test("messages are read, users come and go, connections and nodes live", () => {
    const of = (commits: number) => usage({ commits });
    const reading = { ...NOTHING.reading, here: of(3), elsewhere: of(2) };
    const costs = { ...NOTHING, reading, visit: of(7), connection: of(0.01), node: of(5) };
    const needs = needsOf(costs, LOAD);
    expect(needs.readings.commits).toBeCloseTo(10 * 0.5 * (3 + 0.5 * 2), 9);
    expect(needs.visits.commits).toBeCloseTo(2 * 7, 9);
    expect(needs.idle.commits).toBeCloseTo(864 + 2 * 5, 9);
    expect(needs.total.commits).toBeCloseTo(20 + 14 + 874, 9);
  });

  test("each node hears of the users of all others, and beats", () => {
    const heardChange = usage({ redisCpuSeconds: 1 });
    const heardBeat = usage({ redisCpuSeconds: 100 });
    const at = (nodes: number) =>
      needsOf({ ...NOTHING, heardChange, heardBeat }, { ...LOAD, usersPerNode: 86_400 / nodes });
    expect(at(1).toAllNodes.redisCpuSeconds).toBe(0);
    // Two changes a visit; what a node tells within 50 ms goes together.
    const toldOf = (nodes: number) => 4 / (1 + (4 / nodes) * 0.05);
    expect(at(2).toAllNodes.redisCpuSeconds).toBeCloseTo(toldOf(2) + 2 * 100, 9);
    expect(at(4).toAllNodes.redisCpuSeconds).toBeCloseTo(3 * toldOf(4) + 12 * 100, 9);
    expect(at(4).redisDeliveries).toBeCloseTo(3 * toldOf(4) + 12, 9);
  });

  test("memory of a node grows with its own users, and less with those of others", () => {
    const memory = { nodeBytes: 1e6, connectionBytes: 1_000, othersUserBytes: 10, channelBytes: 2 };
    const needs = needsOf({ ...NOTHING, ...memory, databaseConnections: 11 }, LOAD);
    expect(needs).toMatchObject({
      bytesOfNode: 1e6 + 43_200 * 1_000 + 43_200 * 10,
      ...{ redisBytes: 2 * 86_400, databaseConnections: 22 },
    });
  });

  test("the network carries packets around what is sent, and handshakes", () => {
    const units = { ...UNITS, packetBytes: 10, ackBytes: 1, handshakeBytes: 100 };
    const visit = usage({
      ...{ framesToUsers: 5, bytesToUsers: 1_000, framesFromUsers: 3, bytesFromUsers: 200 },
      ...{ publishes: 2, redisBytesIn: 70, redisBytesOut: 90 },
    });
    const needs = needsOf({ ...NOTHING, visit }, LOAD);
    const out = 1_000 + 5 * 10 + 3 * 1 + 70 + 2 * 10;
    expect(nodeWireBytes(needs, units)).toBeCloseTo((2 * out + 2 * 100) / 2, 9);
    expect(redisWireBytes(needs, units)).toBeCloseTo(2 * 90 + needs.redisDeliveries * 10, 9);
  });
});

describe("bottlenecks", () => {
  const first = (costs: Partial<Costs>, units = UNITS) =>
    bottlenecksOf({ ...NOTHING, ...costs }, LOAD, units)[0];

  test("the first is what the fewest users fill", () => {
    const node = { nodeBytes: 1e6, connectionBytes: 10_000, databaseConnections: 10 };
    const units = { ...UNITS, postgresConnections: 100, nodeBytes: 1e9 };
    expect(first(node, units)).toMatchObject({
      ...{ name: "Connections to PostgreSQL", used: "20", holds: "100" },
      ...{ share: 0.2, fullAtUsers: 10 * 43_200 },
    });
    // A node is full before it has all its users.
    const smaller = { ...units, nodeBytes: 1e6 + 400e6 };
    expect(first(node, smaller)).toMatchObject({ name: "Memory of a node", fullAtUsers: 40_000 });
  });

  // Two visits a second, 43,200 users on each of two nodes, messages of 864,000 kept for three days.
  test.each([
    ["CPU of a node", { visit: usage({ nodesCpuSeconds: 2 }) }, "2.00 cores"],
    ["Network of a node", { visit: usage({ bytesToUsers: 1e9 }) }, "1000.0 MB/s"],
    ["CPU of Redis", { visit: usage({ redisCpuSeconds: 1 }) }, "2.00 cores"],
    ["Memory of Redis", { channelBytes: 2 ** 20 }, "86,400 MiB"],
    ["CPU of PostgreSQL", { visit: usage({ postgresCpuSeconds: 10 }) }, "20.00 cores"],
    ["Commits of PostgreSQL", { visit: usage({ commits: 1 }) }, "2/s"],
    ["Write-ahead log of PostgreSQL", { visit: usage({ walBytes: 1e9 }) }, "2000.0 MB/s"],
    ["Disk of PostgreSQL", { databaseBytes: 1e7 }, "25,920 GB"],
    ["Connections to PostgreSQL", { databaseConnections: 400 }, "800"],
  ] satisfies [string, Partial<Costs>, string][])("%s may be the first", (name, costs, used) => {
    expect(first(costs)).toMatchObject({ name, used });
    expect(first(costs)?.share).toBeGreaterThan(0.9);
    expect(first(costs)?.fullAtUsers).toBeLessThan(86_400);
  });

  test("Redis' presence is part of its CPU time, and is ranked by itself as well", () => {
    const ranked = bottlenecksOf(
      { ...NOTHING, heardChange: usage({ redisCpuSeconds: 0.1, redisBytesOut: 1 }) },
      LOAD,
      UNITS,
    );
    const shares = new Map(ranked.map(({ name, share }) => [name, share]));
    expect(shares.get("CPU of Redis")).toBeGreaterThan(0.3);
    expect(shares.get("CPU of Redis for presence alone")).toBe(shares.get("CPU of Redis") ?? 0);
  });

  test("what users fill is ranked before what they do not", () => {
    const ranked = bottlenecksOf(
      { ...NOTHING, nodeBytes: 1e9, channelBytes: 10 },
      { ...LOAD, messagesPerUserDay: 0, visitsPerUserDay: 0 },
      { ...UNITS, packetBytes: 0 },
    );
    expect(ranked[0]).toMatchObject({ name: "Memory of Redis" });
    expect(ranked[1]).toMatchObject({
      ...{ name: "Memory of a node", fullAtUsers: Number.POSITIVE_INFINITY },
    });
    expect(ranked.map(({ fullAtUsers }) => fullAtUsers)).toEqual(
      ranked.map(({ fullAtUsers }) => fullAtUsers).toSorted((one, other) => one - other),
    );
  });
});

describe("the page", () => {
  const page = (parts = {}) => capacityPage({ ...emptyReport(), nodes: nodesReport(parts) });

  test("names the first two bottlenecks as they follow from the run", () => {
    const few = page({ commits: [{ clients: 32, perSecond: 10 }] });
    const many = page({ commits: [{ clients: 32, perSecond: 1e9 }] });
    expect(few).toContain("**First bottleneck: Commits of PostgreSQL.** 1,000,000 users use");
    expect(many).not.toContain("First bottleneck: Commits of PostgreSQL.");
    const firstOf = (text: string) => /\*\*First bottleneck: ([^*]+)\.\*\*/.exec(text)?.[1];
    const [first, second] = bottlenecksOf(costsOf(nodesReport()), USUAL, UNITS);
    expect(firstOf(page())).toBe(first?.name ?? "");
    expect(page()).toContain(`**Second: ${second?.name}.**`);
  });

  test("says what was computed and not tried, by what was tried", () => {
    expect(page()).toContain("messages on one to 3 nodes; what a node hears of up to 32 others");
    expect(page()).toContain("**More than 3 nodes that serve users were computed and not tried**");
    expect(page()).not.toContain("NaN of");
  });

  test("is refused for a report without several nodes and for one of before, with what to do", () => {
    const parse = (value: unknown) => parseCapacityReport(JSON.stringify(value), "docs/nodes.json");
    const report = emptyReport({ nodes: nodesReport() });
    expect(parse(report)).toEqual({ ...report, nodes: nodesReport() });
    const remedy = "`npm run bench -- --only nodes --docs` writes it anew";
    expect(() => parse(emptyReport())).toThrow(`has no run of several nodes. ${remedy}`);
    const old = { machine: {}, postgres: "15", redis: "7", samples: [], userMemory: null };
    expect(() => parse(old)).toThrow(
      /docs\/nodes\.json is no report of this bench: format: .+anew/,
    );
    const { commits: _, ...less } = nodesReport();
    expect(() => parse({ ...emptyReport(), nodes: less })).toThrow("nodes.commits: ");
  });

  test("takes several nodes of a run, and leaves the rest to the benchmarks' page", () => {
    const nodes = nodesReport();
    const loads = [result(load("1:1 chat, 2,000/s"))];
    const both = pagesOf(emptyReport({ nodes, load: loads }));
    expect(both.capacity).toMatchObject({ nodes, load: [] });
    expect(both.rest).toMatchObject({ nodes: null, load: loads });
    expect(pagesOf(emptyReport({ nodes })).rest).toBeNull();
    expect(pagesOf(emptyReport({ load: loads })).capacity).toBeNull();
  });
});

test("slopes are those of least squares, and need two places", () => {
  expect(slopeOf([1, 2, 3].map((x) => ({ x, y: 5 + 2 * x })))).toBeCloseTo(2, 12);
  expect(slopeOf([0, 1, 2].map((x) => ({ x, y: x === 1 ? 3 : x })))).toBeCloseTo(1, 12);
  expect(() => slopeOf([{ x: 1, y: 1 }])).toThrow(RangeError);
});

test("what was measured to be less counts as nothing more", () => {
  expect(excess(usage({ commits: 1 }), usage({ commits: 2, walBytes: 1 }))).toEqual(NO_USAGE);
  expect(sum(usage({ commits: 1 }), usage({ commits: 2 })).commits).toBe(3);
});
