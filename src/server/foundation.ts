import { version } from "../../package.json";
import type { Revocation } from "../auth/revocations.ts";
import { openBackplane, openBrokerQueues } from "../backplanes.ts";
import type { Backplane } from "../broker/backplane.ts";
import type { StoredQueueMessage } from "../broker/queue-store.ts";
import type { WorkQueues } from "../broker/work-queues.ts";
import type { Block } from "../chat/blocks.ts";
import type { Erasure } from "../chat/user-ports.ts";
import type { Clock } from "../clock.ts";
import type { Settings } from "../config.ts";
import type { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { ProcessPlace } from "../process-place.ts";
import { openStorage, type Storage } from "../stores.ts";
import { type NoticeProviders, openNoticeProviders } from "./notice-providers.ts";
import type { Tracing } from "./tracing/tracing.ts";
import { loadQueues } from "./work-queues.ts";

/** What a server is given. */
export interface Surroundings {
  readonly settings: Settings;
  readonly log: Log;
  readonly clock: Clock;
  /** null: the only process of the server. */
  readonly place: ProcessPlace | null;
}

/** What a server stands on: its surroundings, and what is opened and read before anything is built. */
export interface Foundation extends Surroundings {
  readonly storage: Storage;
  readonly backplane: Backplane;
  /** Work queues that are kept beside this node; null: it keeps them. */
  readonly brokerQueues: WorkQueues | null;
  /** New ones are above it. */
  readonly lastMessageId: string | null;
  /** What work queues kept over the restart. */
  readonly queued: readonly StoredQueueMessage[];
  readonly revoked: readonly Revocation[];
  readonly blocked: readonly Block[];
  readonly underWay: readonly Erasure[];
  readonly notifiers: NoticeProviders;
  /** null: nothing is traced. */
  readonly tracing: Tracing | null;
}

/**
 * Opens the store and reads what the server begins with. Rejects with what keeps it from starting; the
 * store is closed again then.
 *
 * @param onTaken another server has taken the store, and will not share it
 */
export async function layFoundation(
  surroundings: Surroundings,
  onTaken: (error: AppError) => void,
): Promise<Foundation> {
  const { settings, log, clock, place } = surroundings;
  const backplane = await openBackplane(settings, clock, place);
  const how = backplane.isShared ? "shared" : "alone";
  const storage = await openStorage(settings, { how, onTaken }, log, clock);
  try {
    const revoked = await storage.revocations.all();
    const blocked = await storage.blocks.all();
    const underWay = await storage.erasures.underWay();
    const lastMessageId = await storage.chat.lastMessageId();
    const tracing = await tracingFor(settings, clock, log);
    const brokerQueues = await openBrokerQueues(settings, clock, log);
    const notifiers = await openNoticeProviders(settings, clock);
    const queued = await loadQueues(storage, backplane);
    const opened = { storage, backplane, brokerQueues, notifiers, tracing };
    return { ...surroundings, ...opened, lastMessageId, queued, revoked, blocked, underWay };
  } catch (fault) {
    await storage.close();
    throw fault;
  }
}

/** What traces is loaded only where it is wanted. */
async function tracingFor(settings: Settings, clock: Clock, log: Log): Promise<Tracing | null> {
  const { endpoint } = settings.tracing;
  if (endpoint === undefined || endpoint === "none") return null;
  const { Tracing } = await import("./tracing/tracing.ts");
  const { random } = Math;
  return new Tracing({ endpoint, settings: settings.tracing, version, clock, random, log });
}
