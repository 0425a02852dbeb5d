/** Of what is answered, to ask by whether it is still the same [RFC 9110 §8.8.3]. */
export function entityTag(bytes: Uint8Array | ArrayBuffer): string {
  return `"${Bun.hash(bytes).toString(36)}"`;
}

/** By its `If-None-Match` the client has what the tag stands for [RFC 9110 §13.1.2]. */
export function isKnown(ifNoneMatch: string | null | undefined, etag: string): boolean {
  const known = ifNoneMatch?.split(",").map((tag) => tag.trim().replace(/^W\//, "")) ?? [];
  return known.includes(etag) || known.includes("*");
}
