import type { KeyObject } from "node:crypto";
import { z } from "zod";
import { isSecureUrl } from "../config.ts";
import { KeyFile } from "./key-file.ts";

/** Who sends by Google's services, as the key file says that is made in its console. */
export interface ServiceAccount {
  readonly clientEmail: string;
  readonly privateKey: KeyObject;
  readonly privateKeyId: string | null;
  readonly projectId: string;
  /** Where access tokens are got. */
  readonly tokenUri: string;
}

const accountSchema = z.object({
  type: z.literal("service_account"),
  client_email: z.string().min(1),
  private_key: z.string().min(1),
  private_key_id: z.string().min(1).nullish(),
  project_id: z.string().min(1),
  token_uri: z.string().refine(isSecureUrl).default("https://oauth2.googleapis.com/token"),
});

const LEAST_BITS = 2_048; // [RFC 7518 §3.3]

/** Throws INVALID_CONFIGURATION that says what is wrong with the file, and nothing of what is in it. */
export function readServiceAccount(path: string): ServiceAccount {
  const file = new KeyFile("fcm.service_account_file", path);
  const parsed = accountSchema.safeParse(documentOf(file));
  if (!parsed.success) {
    const fields = new Set(parsed.error.issues.map(({ path: [field] }) => String(field ?? "")));
    const named = [...fields].filter(Boolean).join(", ");
    const what = named === "" ? "" : `, by its ${named}`;
    throw file.refused(`is no key file of a Google service account${what}`);
  }
  const { data } = parsed;
  const privateKey = file.privateKey(data.private_key);
  const { asymmetricKeyType, asymmetricKeyDetails } = privateKey;
  if (asymmetricKeyType !== "rsa" || (asymmetricKeyDetails?.modulusLength ?? 0) < LEAST_BITS) {
    throw file.refused(`has a private_key that is no RSA key of ${LEAST_BITS} bits or more`);
  }
  return {
    ...{ clientEmail: data.client_email, privateKey, privateKeyId: data.private_key_id ?? null },
    ...{ projectId: data.project_id, tokenUri: data.token_uri },
  };
}

function documentOf(file: KeyFile): unknown {
  try {
    return JSON.parse(file.text);
  } catch {
    throw file.refused("is not JSON");
  }
}
