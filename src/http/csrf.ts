import type { Principal } from "../auth/principal.ts";
import { AppError } from "../errors.ts";
import { type OriginPolicy, originStanding } from "../transport/origin.ts";

const SAFE_METHODS = ["GET", "HEAD", "OPTIONS"];

/**
 * A browser sends cookies along with what any page makes it send: a request that changes something
 * and is known by a cookie must say that it comes from a page which may do so.
 *
 * @throws AppError CSRF_REJECTED
 */
export function refuseForgery(
  { method, headers }: Request,
  principal: Principal,
  policy: OriginPolicy,
): void {
  if (!principal.byCookie || SAFE_METHODS.includes(method) || isOfTrustedPage(headers, policy)) {
    return;
  }
  throw new AppError(
    "CSRF_REJECTED",
    "A change that a cookie vouches for needs the Origin of a page that may make it",
  );
}

/**
 * Who asks for a user's events receives their messages, and so takes them from other devices that
 * have not: a page that may not read the answer must not make the browser ask, nor may a link.
 *
 * @throws AppError CSRF_REJECTED
 */
export function refuseForgedListening(
  { headers }: Request,
  principal: Principal,
  policy: OriginPolicy,
): void {
  if (!principal.byCookie) return;
  if (headers.get("sec-fetch-mode") !== "navigate" && isOfTrustedPage(headers, policy)) return;
  throw new AppError(
    "CSRF_REJECTED",
    "Events that a cookie vouches for are for scripts of a page that may ask for them",
  );
}

function isOfTrustedPage(headers: Headers, policy: OriginPolicy): boolean {
  const standing = originStanding(headers, policy);
  if (standing === "own" || standing === "listed") return true;
  return standing === "none" && headers.get("sec-fetch-site") === "same-origin";
}
