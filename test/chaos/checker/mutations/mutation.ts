import type { RuleName } from "../fault.ts";
import type { Observation, SeenMessage } from "../record.ts";
import type { Run } from "../simulation.ts";

/** One lie told about a correct run, and the rule that must see it. */
export interface Mutation {
  readonly name: string;
  readonly rule: RuleName;
  /** Null where the run has nothing to lie about; `pick` chooses among `count` places. */
  readonly apply: (run: Run, pick: (count: number) => number) => Run | null;
}

export type Received = Extract<Observation, { kind: "received" }>;
export type Opened = Extract<Observation, { kind: "opened" }>;
export type Confirmed = Extract<Observation, { kind: "confirmed" }>;
export type Indexed<Kind> = { readonly at: number; readonly observation: Kind };
export type Pick = (count: number) => number;

export function received(run: Run): Indexed<Received>[] {
  return run.record.observations.flatMap((observation, at) =>
    observation.kind === "received" ? [{ at, observation }] : [],
  );
}

export function confirmed(run: Run): Indexed<Confirmed>[] {
  return run.record.observations.flatMap((observation, at) =>
    observation.kind === "confirmed" ? [{ at, observation }] : [],
  );
}

export function choose<Item>(items: readonly Item[], pick: Pick): Item | null {
  return items[pick(items.length)] ?? null;
}

export function withObservations(run: Run, observations: readonly Observation[]): Run {
  return { ...run, record: { ...run.record, observations } };
}

export function replaced(run: Run, at: number, ...by: readonly Observation[]): Run {
  return withObservations(run, run.record.observations.toSpliced(at, 1, ...by));
}

export function inserted(run: Run, at: number, ...observations: readonly Observation[]): Run {
  return withObservations(run, run.record.observations.toSpliced(at, 0, ...observations));
}

export function allMessages(run: Run): SeenMessage[] {
  return [...run.history.values()].flat();
}

export function withHistory(
  run: Run,
  conversationId: string,
  change: (messages: readonly SeenMessage[]) => readonly SeenMessage[],
): Run {
  const history = new Map(run.history);
  history.set(conversationId, change(history.get(conversationId) ?? []));
  return { ...run, history };
}

/** Throws where the run has no such connection. */
export function openingOf(run: Run, connection: number): Opened {
  for (const each of run.record.observations) {
    if (each.kind === "opened" && each.connection === connection) return each;
  }
  throw new Error(`The run has no connection ${connection}`);
}

export function userOf(run: Run, connection: number): string {
  return openingOf(run, connection).userId;
}

export function deviceOf(run: Run, connection: number): string {
  return openingOf(run, connection).deviceId;
}

export function survives(run: Run, { id }: SeenMessage): boolean {
  return allMessages(run).some((message) => message.id === id);
}

/** A connection that its device has at the end. */
export function lastConnectionOf(run: Run, deviceId: string): number {
  const opened = run.record.observations.findLast(
    (each) => each.kind === "opened" && each.deviceId === deviceId,
  );
  return opened?.kind === "opened" ? opened.connection : 0;
}
