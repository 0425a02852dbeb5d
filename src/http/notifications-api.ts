import { z } from "zod";
import type { Actor } from "../chat/actor.ts";
import { AppError } from "../errors.ts";
import type { Notifications } from "../notify/notifications.ts";
import { DEFAULT_PREFERENCES, type NoticePreferences } from "../notify/preferences.ts";
import { asUser } from "./acting.ts";
import type { Endpoints } from "./endpoint.ts";
import {
  NEW_TARGET,
  NOTIFICATIONS,
  PREFERENCES_CHANGE,
  TARGET,
  TARGETS,
} from "./notification-schemas.ts";
import { noticeTargetView } from "./views.ts";

export interface NotificationsApiOptions {
  /** null: nobody is told of anything. */
  readonly notifications: Notifications | null;
  /** Counts a change by the actor. Throws RATE_LIMITED. */
  readonly countChange: (actor: Actor) => void;
}

const tag = "Notifications";
const path = "/api/notifications";

/** What users are told while they are away, and where. Changes are answered when they are on disk. */
export function notificationEndpoints(
  endpoints: Endpoints,
  { notifications, countChange }: NotificationsApiOptions,
): void {
  const view = (preferences: NoticePreferences) => ({
    channels: notifications?.channels ?? [],
    webPushKey: notifications?.webPushKey ?? null,
    preferences,
  });

  endpoints.add(
    {
      ...{ method: "get", path, by: "actor", tag },
      operationId: "getNotifications",
      summary: "By which ways the server tells users who are away, and what this one wishes",
      answers: { 200: { description: "As it is.", schema: NOTIFICATIONS } },
      refusals: ["VALIDATION_FAILED"],
    },
    async ({ context, caller }) => {
      const { userId } = asUser(caller);
      const preferences = await notifications?.preferencesOf(userId);
      return context.json(view(preferences ?? DEFAULT_PREFERENCES));
    },
  );

  endpoints.add(
    {
      ...{ method: "patch", path, by: "actor", tag },
      operationId: "updateNotifications",
      summary: "Changes what the user wishes to be told",
      body: PREFERENCES_CHANGE,
      answers: {
        200: { description: "As it is now; what was not named stays.", schema: NOTIFICATIONS },
      },
      refusals: ["CHANNEL_NOT_AVAILABLE", "STORAGE_UNAVAILABLE"],
    },
    async ({ context, caller, body }) => {
      const user = asUser(caller);
      countChange(user);
      const change = definite(body);
      const changed = await there(notifications).changePreferences(user.userId, change);
      return context.json(view(changed));
    },
  );

  endpoints.add(
    {
      ...{ method: "get", path: `${path}/targets`, by: "actor", tag },
      operationId: "listNoticeTargets",
      summary: "Where the user is reached",
      answers: { 200: { description: "The oldest first.", schema: TARGETS } },
      refusals: ["VALIDATION_FAILED"],
    },
    async ({ context, caller }) => {
      const { userId } = asUser(caller);
      const targets = (await notifications?.targetsOf(userId)) ?? [];
      return context.json({ targets: targets.map(noticeTargetView) });
    },
  );

  endpoints.add(
    {
      ...{ method: "post", path: `${path}/targets`, by: "actor", tag },
      operationId: "addNoticeTarget",
      summary: "Says where the user is reached; by e-mail, for the back end alone",
      body: NEW_TARGET,
      answers: {
        200: { description: "It was there, with the same keys.", schema: TARGET },
        201: {
          description: "It is there; whose it was before is told of nothing there any more.",
          schema: TARGET,
        },
      },
      refusals: [
        ...(["CHANNEL_NOT_AVAILABLE", "NOT_PERMITTED", "TOO_MANY_TARGETS"] as const),
        "STORAGE_UNAVAILABLE",
      ],
    },
    async ({ context, caller, isServer, body }) => {
      const user = asUser(caller);
      countChange(user);
      const added = await there(notifications).addTarget(user.userId, body, isServer);
      return context.json(noticeTargetView(added.target), added.isNew ? 201 : 200);
    },
  );

  endpoints.add(
    {
      ...{ method: "delete", path: `${path}/targets/{id}`, by: "actor", tag },
      operationId: "removeNoticeTarget",
      summary: "Says that the user is not reached there any more",
      params: z.object({ id: z.uuid() }),
      answers: { 204: { description: "They are not, whether they were or not." } },
      refusals: ["STORAGE_UNAVAILABLE"],
    },
    async ({ context, caller, params: { id } }) => {
      const user = asUser(caller);
      countChange(user);
      await notifications?.removeTarget(user.userId, id);
      return context.body(null, 204);
    },
  );
}

/** Throws CHANNEL_NOT_AVAILABLE. */
function there(notifications: Notifications | null): Notifications {
  if (notifications !== null) return notifications;
  throw new AppError("CHANNEL_NOT_AVAILABLE", "The server tells nobody who is away of anything");
}

/** Without fields that are there and undefined. */
function definite(change: z.output<typeof PREFERENCES_CHANGE>): Partial<NoticePreferences> {
  const { push, email, groups, previews, quietHours } = change;
  return {
    ...(push !== undefined && { push }),
    ...(email !== undefined && { email }),
    ...(groups !== undefined && { groups }),
    ...(previews !== undefined && { previews }),
    ...(quietHours !== undefined && { quietHours }),
  };
}
