/** The texts in what a SockJS client sent; null when it is no SockJS message. */
export function readSockJs(message: string): readonly string[] | null {
  if (message === "") return [];
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch {
    return null;
  }
  const texts: unknown[] = Array.isArray(value) ? value : [value];
  return texts.every((text) => typeof text === "string") ? texts : null;
}

/** Texts as one stream of UTF-8: a pair of surrogates may be cut in two, a lone one is U+FFFD. */
export class TextStream {
  #half = "";

  push(text: string): Buffer {
    const all = this.#half + text;
    this.#half = /[\ud800-\udbff]$/.test(all) ? all.slice(-1) : "";
    return Buffer.from(this.#half === "" ? all : all.slice(0, -1));
  }
}
