import { readdirSync, readFileSync } from "node:fs";
import { cpuSecondsOf, rssBytesOf } from "../server-usage.ts";

/** The processes and all below them, of those that are alive. */
export function processTree(roots: readonly number[]): number[] {
  const children = new Map<number, number[]>();
  for (const [pid, parent] of parents()) {
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [pid]);
    else siblings.push(pid);
  }
  const found = new Set(roots);
  for (const pid of found) for (const child of children.get(pid) ?? []) found.add(child);
  return [...found];
}

/** User and system time of all of them so far. */
export function cpuSecondsOfAll(roots: readonly number[]): number {
  return sumOver(roots, cpuSecondsOf);
}

/** Pages that processes share count for each. */
export function rssBytesOfAll(roots: readonly number[]): number {
  return sumOver(roots, rssBytesOf);
}

function sumOver(roots: readonly number[], of: (pid: number) => number): number {
  return processTree(roots).reduce((sum, pid) => sum + (ifAlive(pid, of) ?? 0), 0);
}

function parents(): [pid: number, parent: number][] {
  return readdirSync("/proc")
    .map(Number)
    .filter(Number.isInteger)
    .flatMap((pid) => {
      const parent = ifAlive(pid, parentOf);
      return parent === null ? [] : [[pid, parent]];
    });
}

function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The program's name stands in parentheses and may hold spaces.
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

/** Null when the process has ended in the meantime. */
function ifAlive<Value>(pid: number, read: (pid: number) => Value): Value | null {
  try {
    return read(pid);
  } catch (fault) {
    if (
      fault instanceof Error &&
      "code" in fault &&
      ["ENOENT", "ESRCH"].includes(String(fault.code))
    )
      return null;
    throw fault;
  }
}
