import { dlopen, FFIType } from "bun:ffi";
import { readFileSync } from "node:fs";
import { childrenOf } from "../machine.ts";

/** Of `/proc`: 100 in every Linux that Bun runs on. */
const TICKS_PER_SECOND = 100;

/** User and system time so far of all the process's threads, those that have ended too. */
export function cpuSecondsOf(pid: number): number {
  return processClock?.(pid) ?? ticksOf(pid);
}

/** Of the process and its children, and of those children that it has outlived. */
export function cpuSecondsOfFamily(pid: number): number {
  const living = [pid, ...childrenOf(pid)].map(cpuSecondsOf);
  return living.reduce((sum, seconds) => sum + seconds, outlivedSeconds(pid));
}

export function rssBytesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * 1_024;
}

/** In steps of 10 ms. */
function ticksOf(pid: number): number {
  const fields = statOf(pid); // utime and stime are 14 and 15.
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** In steps of 10 ms. */
function outlivedSeconds(pid: number): number {
  const fields = statOf(pid); // cutime and cstime are 16 and 17.
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
}

/** From the third field on: the program's name stands in parentheses and may hold spaces. */
function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** In nanoseconds; null where the C library cannot be asked. */
const processClock = openProcessClock();

function openProcessClock(): ((pid: number) => number | null) | null {
  try {
    const { symbols } = dlopen("libc.so.6", {
      clock_gettime: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
    });
    const time = new BigInt64Array(2);
    return (pid) => {
      // The kernel's clock of another process's CPU time: the id is in the upper bits, inverted.
      const clock = (~pid << 3) | 2;
      if (symbols.clock_gettime(clock, time) !== 0) return null;
      return Number(time[0]) + Number(time[1]) / 1e9;
    };
  } catch {
    return null;
  }
}
