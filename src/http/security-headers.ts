/** Of a page of the server's own: nothing from elsewhere, no script in the text, no frame around it. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "worker-src 'self' blob:", // The service worker; the STOMP client's heart-beats.
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "x-frame-options": "DENY",
};

/** Of data: nothing to show, to run or to embed, nor to keep unless the answer says so. */
export const DATA_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
};

const DAY_SECONDS = 86_400;

/** Of every response; `hstsDays` 0: none, or plain HTTP. */
export function commonHeaders(hstsDays: number): Readonly<Record<string, string>> {
  return {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin", // With none at all, forms would not say their Origin either.
    ...(hstsDays === 0 ? {} : { "strict-transport-security": `max-age=${hstsDays * DAY_SECONDS}` }),
  };
}

/** Sets those that the response does not have. */
export function withHeaders(
  response: Response,
  headers: Readonly<Record<string, string>>,
): Response {
  for (const [name, value] of Object.entries(headers)) {
    if (!response.headers.has(name)) response.headers.set(name, value);
  }
  return response;
}
