import { describe, expect, test } from "bun:test";
import { costChart } from "../../bench/charts/costs.ts";
import { type CostKind, costCurve, costOfDoubling } from "../../bench/costs.ts";
import { Figures } from "../../bench/figures.ts";
import { emptyReport, load, result } from "../support/bench-reports.ts";

/** Microseconds of CPU time a message, by how much there is. */
function curve(kind: CostKind, costs: Readonly<Record<number, number>>): Figures {
  const loads = Object.entries(costs).map(([times, micros]) =>
    result(load(`cost, ${kind} × ${times}: work`, { messages: 1e6 / micros })),
  );
  return new Figures(emptyReport({ load: loads }));
}

describe("a cost curve", () => {
  test("relates the cost of the same work to that with the least around it", () => {
    const points = costCurve(curve("history", { 8: 60, 1: 20, 2: 30 }), "history");
    expect(points.map(({ times }) => times)).toEqual([1, 2, 8]);
    for (const [index, cost] of [1, 1.5, 3].entries()) {
      expect(points[index]?.cost).toBeCloseTo(cost);
    }
  });

  test("of messages is proportional when each costs the same", () => {
    const points = costCurve(curve("messages", { 1: 20, 2: 20, 4: 20 }), "messages");
    expect(points.map(({ cost }) => Math.round(cost))).toEqual([1, 2, 4]);
  });

  test("counts doublings only, and is nothing without the smallest", () => {
    const doubling = costOfDoubling(curve("users", { 1: 10, 2: 15, 8: 90 }), "users");
    expect(doubling?.high).toBeCloseTo(1.5);
    expect(doubling?.count).toBe(1);
    expect(costOfDoubling(curve("users", { 2: 15, 4: 90 }), "users")).toBeNull();
    expect(costOfDoubling(curve("users", { 1: 15, 2: 90 }), "topics")).toBeNull();
  });

  test("is drawn with the line of proportionality, from two points on", () => {
    const svg = costChart(curve("topics", { 1: 10, 2: 10 }));
    expect(svg).toContain('class="guide"');
    expect(svg).toContain(">topics<");
    expect(svg).not.toContain(">history<");
    expect(svg).not.toContain("NaN");
    expect(costChart(curve("topics", { 1: 10 }))).toBeNull();
  });
});
