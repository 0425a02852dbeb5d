import { Fields, readList } from "./fields.ts";

/** Every day between two times, `HH:MM`; over midnight where `to` is not after `from`. */
export interface QuietHours {
  readonly from: string;
  readonly to: string;
  /** Of the IANA database. */
  readonly timeZone: string;
}

/** What the user wishes to be told while they are away. */
export interface NoticePreferences {
  readonly push: boolean;
  readonly email: boolean;
  /** Which messages of groups. */
  readonly groups: "all" | "mentions" | "none";
  /** Who wrote, and what, is shown. */
  readonly previews: boolean;
  readonly quietHours: QuietHours | null;
}

export interface NoticeSetup {
  /** By which ways the server reaches users: `webpush`, `email` … */
  readonly channels: readonly string[];
  /** Its public key for push subscriptions [RFC 8292 §3.2], in base64url; null: it has no web push. */
  readonly webPushKey: string | null;
  readonly preferences: NoticePreferences;
}

/** One place at which the user is reached. */
export interface NoticeTarget {
  readonly id: string;
  readonly channel: string;
}

export function readNoticeSetup(value: unknown): NoticeSetup {
  const body = new Fields(value);
  return {
    channels: body.list("channels").filter((channel) => typeof channel === "string"),
    webPushKey: body.optionalText("webPushKey"),
    preferences: readNoticePreferences(value),
  };
}

export function readNoticePreferences(value: unknown): NoticePreferences {
  const body = new Fields(new Fields(value).field("preferences"));
  const quietHours = body.field("quietHours");
  return {
    push: body.flag("push"),
    email: body.flag("email"),
    groups: body.oneOf("groups", ["all", "mentions", "none"]),
    previews: body.flag("previews"),
    quietHours: quietHours === null ? null : readQuietHours(quietHours),
  };
}

export function readNoticeTargets(value: unknown): NoticeTarget[] {
  return readList(value, "targets", readNoticeTarget);
}

export function readNoticeTarget(value: unknown): NoticeTarget {
  const body = new Fields(value);
  return { id: body.text("id"), channel: body.text("channel") };
}

function readQuietHours(value: unknown): QuietHours {
  const body = new Fields(value);
  return { from: body.text("from"), to: body.text("to"), timeZone: body.text("timeZone") };
}
