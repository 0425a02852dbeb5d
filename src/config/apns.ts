import { z } from "zod";
import { mobilePush } from "./mobile-push.ts";
import { choice, optionalText } from "./setting.ts";
import { vendorOrigin } from "./vendor-url.ts";

const TEN_CHARACTERS = {
  accepts: (id: string) => /^[A-Z0-9]{10}$/.test(id),
  expected: "ten capital letters and digits",
};

const NEEDED = ["keyFile", "keyId", "teamId", "topic"] as const;

/** Apple Push Notification service. */
export const apns = z
  .object({
    keyFile: optionalText(
      "The .p8 file of a key for the Apple Push Notification service. Without it nothing is sent so.",
    ),
    keyId: optionalText("The id of the key in apns.key_file.", TEN_CHARACTERS),
    teamId: optionalText("The id of the team whose key it is.", TEN_CHARACTERS),
    topic: optionalText("The bundle id of the app.", {
      accepts: (topic) => /^[A-Za-z0-9.-]{1,255}$/.test(topic),
      expected: "letters, digits, `-` and `.`, such as com.example.chat",
    }),
    environment: choice(
      ["production", "sandbox"],
      "production",
      "Where the app's devices are known: sandbox are those that it was put on by Xcode.",
    ),
    ...mobilePush("Apple"),
    endpoint: optionalText("Where notices are sent, over HTTP/2.", {
      ...vendorOrigin,
      defaultText: "that of apns.environment",
    }),
  })
  .superRefine((settings, context) => {
    if (NEEDED.every((key) => settings[key] === undefined)) return;
    for (const key of NEEDED) {
      if (settings[key] !== undefined) continue;
      const message = "a value, since there are others of the key's settings";
      context.addIssue({ code: "custom", path: [key], message });
    }
  });
