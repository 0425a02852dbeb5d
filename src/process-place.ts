import { join } from "node:path";

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

/** Where the processes exchange what they publish. */
export function hubSocket({ folder }: Pick<ProcessPlace, "folder">): string {
  return join(folder, "hub.sock");
}

/** Where the process of that number takes requests from the others. */
export function processSocket({ folder }: Pick<ProcessPlace, "folder">, number: number): string {
  return join(folder, `${number}.sock`);
}
