import { join } from "node:path";
import type { NewId } from "./ids.ts";

/** What a server listens on; null: not on that. */
export interface ListeningPorts {
  readonly web: number;
  readonly tcp: number | null;
  readonly redirect: number | null;
}

/** Which of the processes of one server this one is. They share its ports, and have a parent. */
export interface ProcessPlace {
  /** From 1 on; a process that is started again has its predecessor's. */
  readonly number: number;
  /** Of all processes. */
  readonly count: number;
  /** Of this process among all nodes. */
  readonly nodeId: string;
  /** Of the sockets by which the processes reach each other; nobody else may enter it. */
  readonly folder: string;
  /** Where the other processes listen; null: this is the first, and finds out. */
  readonly ports: ListeningPorts | null;
}

/**
 * The process that has, or would have, what an id names: each of them works out the same one. What
 * lives in the memory of one process is found by it.
 */
export function ownerOf({ count }: Pick<ProcessPlace, "count">, id: string): number {
  return (Bun.hash.xxHash32(id) % count) + 1;
}

/** New ids of what lives in this process. */
export function idsAt(place: ProcessPlace, newId: NewId): NewId {
  return () => {
    for (;;) {
      const id = newId();
      if (ownerOf(place, id) === place.number) return id;
    }
  };
}

/** Where the processes exchange what they publish. */
export function hubSocket({ folder }: Pick<ProcessPlace, "folder">): string {
  return join(folder, "hub.sock");
}

/** Where the process of that number takes requests from the others. */
export function processSocket({ folder }: Pick<ProcessPlace, "folder">, number: number): string {
  return join(folder, `${number}.sock`);
}
