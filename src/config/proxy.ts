import { z } from "zod";
import { isAddressRange } from "../address-list.ts";
import { choice, list } from "./setting.ts";

/** Reverse proxies in front of the server. */
export const proxy = z.object({
  trusted: list(
    "Addresses of reverse proxies whose word on a client's address counts, such as 127.0.0.1 or 10.0.0.0/8.",
    { accepts: isAddressRange, expected: "IP addresses or networks, such as 10.0.0.0/8" },
  ),
  header: choice(
    ["X-Forwarded-For", "Forwarded"],
    "X-Forwarded-For",
    "Where trusted proxies name the client; Forwarded is RFC 7239's.",
  ),
});
