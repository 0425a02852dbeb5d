import type { Scene } from "../scene.ts";

/** A time in which the store cannot write. */
export interface Outage {
  begin(): Promise<void>;
  end(): Promise<void>;
  /** Nothing at all can be committed meanwhile, not even into room that the files have already. */
  readonly isTotal: boolean;
  readonly holdMs: number;
}

/** What was confirmed before the outage may still be on its way to the client. */
const GRACE_MS = 500;
const PATIENCE_MS = 20_000;
const LOOK_EVERY_MS = 50;

/**
 * While it lasts the server refuses and says so: health is DEGRADED, clients get STORAGE_UNAVAILABLE
 * and no SENT. When it is over everything goes on by itself.
 */
export async function suffer(scene: Scene, outage: Outage): Promise<void> {
  const { crowd } = scene;
  const { observations } = crowd.ledger;
  const count = (kind: "refused" | "confirmed", from: number) =>
    observations.slice(from).filter((observation) => observation.kind === kind).length;
  const startedAt = observations.length;
  await outage.begin();
  try {
    await Bun.sleep(GRACE_MS);
    const heldAt = observations.length;
    scene.expect(
      await until(async () => (await scene.server.health())?.status === "DEGRADED"),
      "health did not become DEGRADED",
    );
    await Bun.sleep(outage.holdMs);
    scene.expect(count("refused", startedAt) > 0, "nothing was refused");
    if (outage.isTotal) {
      const confirmed = count("confirmed", heldAt);
      scene.expect(confirmed === 0, `${confirmed} messages were confirmed meanwhile`);
    }
  } finally {
    await outage.end();
  }
  const endedAt = observations.length;
  scene.expect(
    await until(async () => (await scene.server.health())?.status === "UP"),
    "health did not become UP again",
  );
  scene.expect(
    await crowd.until(() => count("confirmed", endedAt) > 0, PATIENCE_MS),
    "nothing was confirmed afterwards",
  );
}

async function until(condition: () => Promise<boolean>): Promise<boolean> {
  const lateMs = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > lateMs) return false;
    await Bun.sleep(LOOK_EVERY_MS);
  }
  return true;
}
