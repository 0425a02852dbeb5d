import { version } from "../../package.json";
import { NodeChanges } from "../app/node-changes.ts";
import { NoticePublisher } from "../app/notice-publisher.ts";
import { NoticeRelay } from "../app/notice-relay.ts";
import { type NewId, newUuid } from "../ids.ts";
import { Cluster } from "../nodes/cluster.ts";
import type { NodeInfo, SelfDescription } from "../nodes/node-info.ts";
import { selfInfo } from "../nodes/roster.ts";
import type { AppService } from "./application.ts";
import type { AttachmentService } from "./attachments.ts";
import type { ChatService } from "./chat-service.ts";
import type { Foundation } from "./foundation.ts";
import { sharedSettings } from "./shared-settings.ts";
import type { TopicsAndQueues } from "./topics-and-queues.ts";

export interface NodeServicesOptions {
  readonly messaging: TopicsAndQueues;
  readonly service: ChatService;
  readonly app: AppService;
  /** Of notices. */
  readonly newEventId: NewId;
  /** null: there are none. */
  readonly files: AttachmentService | null;
  /** Of this node, now. */
  readonly connections: () => number;
}

/** What nodes tell each other beside messages: who is there, what was changed, notices of the back end. */
export interface NodeServices {
  /** Who lives, and their users; null: there are no other nodes. */
  readonly cluster: Cluster | null;
  /** null: no other node has the same chats. */
  readonly nodeChanges: NodeChanges | null;
  /** null: there are no other nodes. */
  readonly noticeRelay: NoticeRelay | null;
  readonly notices: NoticePublisher;
  /** Those that live, this one first. */
  readonly list: () => readonly NodeInfo[];
}

export function openNodeServices(
  foundation: Foundation,
  { messaging, service, app, newEventId, files, connections }: NodeServicesOptions,
): NodeServices {
  const { settings, storage, backplane, clock, log } = foundation;
  const { broker, nodes, isChatShared } = messaging;
  const { chat, sessions, blocks, channels } = service;
  const { application, revocations } = app;
  const self: SelfDescription = {
    ...{ version, startedMs: clock.now() },
    connections,
    users: () => chat.presence.hereCount,
    isLeader: () => storage.leadership.isLeader,
    settings: nodes === null ? new Map() : sharedSettings(settings, isChatShared ? files : null),
  };
  const cluster =
    nodes === null
      ? null
      : new Cluster({
          ...{ channels: nodes, clock, run: newUuid().slice(-12), self },
          ...{ presence: chat.presence, ttlMs: settings.presence.ttlMs, log },
          onDeath() {
            channels?.recover();
            nodeChanges?.recover();
          },
        });
  const list = () =>
    cluster === null ? [selfInfo(backplane.nodeId, self, true, clock.now())] : cluster.list();
  const { users, erasures } = chat;
  const nodeChanges =
    nodes === null || !isChatShared
      ? null
      : new NodeChanges({
          ...{ channels: nodes, revocations, blocks, users, erasures, application, sessions },
          ...{ stores: storage, clock, log },
        });
  const noticeRelay = nodes === null ? null : new NoticeRelay(nodes);
  const notices = new NoticePublisher({
    ...{ broker, sessions, clock, newId: newEventId, limitBytes: settings.limits.frameBytes },
    publishElsewhere: noticeRelay && ((notice) => noticeRelay.publish(notice)),
  });
  return { cluster, nodeChanges, noticeRelay, notices, list };
}
