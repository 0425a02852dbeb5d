import { z } from "zod";
import { isAddressRange } from "../address-list.ts";
import { list } from "./setting.ts";

/** Calls to URLs that users or settings name: push end points, webhooks. */
export const outbound = z.object({
  allow: list(
    "Addresses that push end points and webhooks may have although they are of this machine or of a private network, such as 127.0.0.1 or 10.0.0.0/8. Only these may be called without TLS.",
    { accepts: isAddressRange, expected: "IP addresses or networks, such as 10.0.0.0/8" },
  ),
});
