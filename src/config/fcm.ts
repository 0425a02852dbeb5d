import { z } from "zod";
import { mobilePush } from "./mobile-push.ts";
import { optionalText, text } from "./setting.ts";
import { vendorOrigin } from "./vendor-url.ts";

/** Firebase Cloud Messaging. */
export const fcm = z.object({
  serviceAccountFile: optionalText(
    "The JSON key file of a Google service account that may send by Firebase Cloud Messaging. Without it nothing is sent so.",
  ),
  ...mobilePush("Google"),
  endpoint: text("https://fcm.googleapis.com", "Where notices are sent.", vendorOrigin),
});
