import { type AuthenticationMethod, isAuthenticationMethod } from "./authentication.ts";
import { hasPublicKeys, jwtAlgorithms } from "./jwt.ts";
import type { Settings } from "./schema.ts";

/** What makes a method a method that is configured; a sentence's end. */
const NEEDS: Readonly<Record<AuthenticationMethod, string>> = {
  jwt: "needs jwt.secret, jwt.public_key_file or jwt.jwks_url",
  cookie: "needs cookie.jwt_name or cookie.signed_name",
  webhook: "needs webhook.url",
  "trusted-header": "needs trusted_header.proxies",
  development: "is for a server without another, or with insecure_trust_user_id",
};

/** The methods that count, in the order in which they are asked. */
export function authenticationOrder(settings: Settings): readonly AuthenticationMethod[] {
  const given = settings.authentication.order.filter(isAuthenticationMethod);
  return given.length > 0 ? given : configuredMethods(settings);
}

/** Other than by believing whoever names a user. */
export function hasAuthentication(settings: Settings): boolean {
  return authenticationOrder(settings).some((method) => method !== "development");
}

/** What is wrong with the methods together; whole sentences. */
export function authenticationProblems(settings: Settings): string[] {
  const { authentication, cookie, http } = settings;
  const order = authenticationOrder(settings);
  const configured = configuredMethods(settings);
  const problems: string[] = [];
  for (const method of new Set(order)) {
    if (!configured.includes(method)) {
      problems.push(`authentication.order has ${method}, which ${NEEDS[method]}.`);
    }
  }
  if (new Set(order).size < order.length) {
    problems.push(
      `authentication.order is ${authentication.order.join(",")}: a method stands there once.`,
    );
  }
  if (cookie.jwtName !== undefined && jwtAlgorithms(settings.jwt).length === 0) {
    problems.push(`cookie.jwt_name ${NEEDS.jwt}, to verify the JWT.`);
  }
  const ambient = http.allowedOrigins.includes("*") ? ambientProof(settings) : undefined;
  if (ambient !== undefined) {
    problems.push(
      `http.allowed_origins is *, together with ${ambient}: browsers send that by themselves, so every ` +
        "page that a user visits could act as the user. Name the origins of your pages.",
    );
  }
  return problems;
}

function configuredMethods(settings: Settings): AuthenticationMethod[] {
  const { jwt, cookie, webhook, trustedHeader, insecureTrustUserId } = settings;
  const methods: AuthenticationMethod[] = [];
  if (jwt.secret !== undefined || hasPublicKeys(jwt)) methods.push("jwt");
  if (cookie.jwtName !== undefined || cookie.signedName !== undefined) methods.push("cookie");
  if (webhook.url !== undefined) methods.push("webhook");
  if (trustedHeader.proxies.length > 0) methods.push("trusted-header");
  // Names count only where nothing better is configured.
  if (methods.length === 0 || insecureTrustUserId) methods.push("development");
  return methods;
}

/** The proof that a browser sends whether or not its user wants it. */
function ambientProof(settings: Settings): string | undefined {
  const order = authenticationOrder(settings);
  if (order.includes("cookie")) return "a session cookie (cookie.jwt_name, cookie.signed_name)";
  const forwarded = settings.webhook.forwardHeaders.map((name) => name.toLowerCase());
  if (order.includes("webhook") && forwarded.includes("cookie")) {
    return "a webhook that gets the cookies (webhook.forward_headers)";
  }
  // The proxy knows its users by a cookie too.
  return order.includes("trusted-header")
    ? "a header of proxies (trusted_header.proxies)"
    : undefined;
}
