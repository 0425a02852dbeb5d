import { z } from "zod";
import { isAddressRange } from "../address-list.ts";
import { isHeaderName, list, optionalText, text } from "./setting.ts";

const NAME = { accepts: isHeaderName, expected: "the name of a header" };

/** The names that an authenticating proxy vouches for. */
export const trustedHeader = z.object({
  proxies: list(
    "Addresses of proxies that say in a header who sends a request, and take that header from clients.",
    { accepts: isAddressRange, expected: "IP addresses and networks, such as 10.0.0.1, fd00::/8" },
  ),
  userId: text("X-User-Id", "The proxy's header with the user's id.", NAME),
  // Without a default: what a proxy does not know of, it passes on from its clients.
  name: optionalText(
    "The proxy's header with the user's name; the proxy must take it from clients too.",
    NAME,
  ),
  roles: optionalText(
    "The proxy's header with the user's roles, separated by commas; the proxy must take it from clients too.",
    NAME,
  ),
});
