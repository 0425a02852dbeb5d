import { isLoopbackHost } from "./start.ts";

/** What goes there is for nobody else: https, or http within this machine. */
export function isSecureUrl(value: string): boolean {
  const url = URL.parse(value);
  if (url === null) return false;
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopbackHost(url.hostname));
}

/** Such a URL without a path, and without anything behind it. */
export const vendorOrigin = {
  accepts: (value: string) =>
    isSecureUrl(value) && URL.parse(value)?.origin === value.replace(/\/$/, ""),
  expected: "an https URL without a path, or an http one of this machine",
};
