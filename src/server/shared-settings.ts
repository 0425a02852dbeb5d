import { createHash } from "node:crypto";
import type { Settings } from "../config.ts";
import { sharedDatabaseName } from "../stores.ts";
import type { AttachmentService } from "./attachments.ts";

/** Where nodes differ in one of these, a client is served otherwise by one than by the next. */
const ALIKE = {
  "authentication.order": ({ authentication }) => authentication.order,
  "jwt.secret": ({ jwt }) => [jwt.secret, jwt.secretEncoding],
  "jwt.jwks_url": ({ jwt }) => jwt.jwksUrl,
  "jwt.audience": ({ jwt }) => jwt.audience,
  "jwt.issuer": ({ jwt }) => jwt.issuer,
  "jwt.user_id_claim": ({ jwt }) => jwt.userIdClaim,
  "jwt.name_claim": ({ jwt }) => jwt.nameClaim,
  "jwt.roles_claim": ({ jwt }) => jwt.rolesClaim,
  "cookie.jwt_name": ({ cookie }) => cookie.jwtName,
  "cookie.signed_name": ({ cookie }) => cookie.signedName,
  "cookie.secrets": ({ cookie }) => cookie.secrets.toSorted(),
  "api.keys": ({ api }) => api.keys.toSorted(),
  "access.rules": ({ access }) => access.rules.toSorted(),
  "http.allowed_origins": ({ http }) => http.allowedOrigins.toSorted(),
  "chat.echo": ({ chat }) => chat.echo,
  "chat.open_direct": ({ chat }) => chat.openDirect,
  "chat.open_groups": ({ chat }) => chat.openGroups,
  "chat.open_profiles": ({ chat }) => chat.openProfiles,
  "chat.system_messages": ({ chat }) => chat.systemMessages,
  "chat.edit_within_ms": ({ chat }) => chat.editWithinMs,
  "chat.delete_within_ms": ({ chat }) => chat.deleteWithinMs,
  "apns.topic": ({ apns }) => apns.topic,
  "email.from": ({ email }) => email.from,
  "email.unsubscribe_secret": ({ email }) => email.unsubscribeSecret,
  "event_webhook.url": ({ eventWebhook }) => eventWebhook.url,
  "event_webhook.secrets": ({ eventWebhook }) => eventWebhook.secrets.toSorted(),
  "event_webhook.events": ({ eventWebhook }) => eventWebhook.events.toSorted(),
  // The file may lie elsewhere on each.
  "fcm.service_account_file": ({ fcm }) => fcm.serviceAccountFile !== undefined,
  "outbound.allow": ({ outbound }) => outbound.allow.toSorted(),
  "webpush.public_key": ({ webpush }) => webpush.publicKey,
  "webpush.show_content": ({ webpush }) => webpush.showContent,
  "presence.visible_to": ({ presence }) => presence.visibleTo,
} as const satisfies Record<string, (settings: Settings) => unknown>;

/**
 * What the nodes of an installation have alike where it is set up well: a digest of each value by the
 * name of its setting. A digest is of 16 bits: differing values hardly ever agree in it, and whoever
 * reads it on its way between nodes learns next to nothing of a secret.
 *
 * @param files null: this node has none, or none that other nodes should find
 */
export function sharedSettings(
  settings: Settings,
  files: Pick<AttachmentService, "identity"> | null,
): ReadonlyMap<string, number> {
  const values: [name: string, value: unknown][] = Object.entries(ALIKE).map(([name, valueIn]) => [
    name,
    valueIn(settings),
  ]);
  values.push(["database.url", sharedDatabaseName(settings)]);
  if (files !== null) {
    const { store, linkSecret } = files.identity();
    values.push(["attachments.store", store], ["attachments.link_secret", linkSecret]);
  }
  return new Map(values.map(([name, value]) => [name, digest(name, value)]));
}

function digest(name: string, value: unknown): number {
  return createHash("sha256")
    .update(JSON.stringify([name, value ?? null]))
    .digest()
    .readUInt16BE();
}
