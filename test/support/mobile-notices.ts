import type { Delivery, Notice, NoticeChannel } from "../../src/notify/provider.ts";
import { noticeOf } from "./notices.ts";

export function deliveryOf(
  channel: NoticeChannel,
  address: string,
  notice: Notice = noticeOf(),
): Delivery {
  const id = "019b0000-0000-7000-8000-000000000001";
  const createdMs = Date.UTC(2026, 0, 1);
  const target = { id, userId: notice.userId, channel, address, keys: null, createdMs };
  return { target, notices: [notice] };
}
