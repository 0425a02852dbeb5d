import { expect } from "bun:test";
import type { ParleyProcess } from "./parley-process.ts";
import { API_KEY } from "./tokens.ts";

/** The metrics' values by name and labels, as Prometheus reads them. */
export async function scrape(server: ParleyProcess): Promise<ReadonlyMap<string, number>> {
  const answer = await fetch(`${server.url}/metrics`, {
    headers: { Authorization: `Bearer ${API_KEY}` },
  });
  expect(answer.headers.get("content-type")).toStartWith("text/plain; version=0.0.4");
  const lines = (await answer.text()).split("\n").filter((line) => /^[a-z]/.test(line));
  return new Map(
    lines.map((line) => {
      const [, name = "", value = ""] = /^(\S+(?:\{[^}]*\})?) (\S+)$/.exec(line) ?? [];
      return [name, Number(value)];
    }),
  );
}
