import { lookup } from "node:dns/promises";
import { abortable } from "./abortable.ts";
import { codeOf } from "./fault-code.ts";
import { OutboundAddresses } from "./outbound-addresses.ts";
import { literalAddress, refusalOfAddresses, refusalOfUrl } from "./outbound-url.ts";

/** Of one name, where one after the other refuses the connection. */
const MOST_ADDRESSES_TRIED = 4;
const DEFAULT_MAX_BYTES = 64 * 1_024;

export interface OutboundCall {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Of the user's or the operator's choice. */
  readonly url: string;
  /** Without `host`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** Of the answer's body, what is read; by default 64 KiB. */
  readonly maxBytes?: number;
}

export interface OutboundAnswer {
  /** Of any kind: a redirect is an answer, and is not followed. */
  readonly status: number;
  readonly headers: Headers;
  /** As UTF-8, and not decompressed. */
  readonly body: string;
  /** false: the body was longer than `maxBytes`, or has broken off. */
  readonly isComplete: boolean;
}

/** There is no answer. Its text is for operators, and has nothing of the URL, which may be a secret. */
export class OutboundError extends Error {
  override readonly name = "OutboundError";

  /** @param message of `unreachable`, the code of the system or of TLS, such as ECONNREFUSED. */
  constructor(
    /** Refused: it was not called at all, and will not be. Aborted: by the signal or by `close`. */
    readonly kind: "refused" | "unreachable" | "aborted",
    message: string,
  ) {
    super(message);
  }
}

export interface OutboundOptions {
  /** Addresses and networks that may be called although they are not public, and without TLS. */
  readonly allow: readonly string[];
  /** All addresses of a name, the one to be tried first first; by default the system's answer. */
  readonly resolve?: (name: string) => Promise<readonly string[]>;
  /** Certificates (PEM) that are trusted in place of the system's. */
  readonly authorities?: string;
}

/**
 * Calls URLs that others have chosen, so that none of them is a way into the operator's network. A
 * name is resolved once, every address of it must be allowed, and the connection goes to one of them:
 * there is no second answer of a resolver to be deceived by. The certificate must be the name's. Idle
 * connections are used again for the same address and name. Where the environment has a proxy
 * (HTTPS_PROXY), that is asked for the address, too.
 */
export class OutboundClient {
  readonly #addresses: OutboundAddresses;
  readonly #resolve: (name: string) => Promise<readonly string[]>;
  readonly #authorities: string | undefined;
  readonly #calls = new Set<AbortController>();
  #isClosed = false;

  constructor({ allow, resolve = systemAddresses, authorities }: OutboundOptions) {
    this.#addresses = new OutboundAddresses(allow);
    this.#resolve = resolve;
    this.#authorities = authorities;
  }

  /** See `refusalOfUrl`: what can be said of a URL at once, while its user waits. */
  refusalOfUrl(url: string): string | null {
    return refusalOfUrl(url, this.#addresses);
  }

  /**
   * Calls once. Resolves as soon as the answer is there as far as it is read; rejects with an
   * OutboundError. The signal ends the call, whatever it waits for, and frees its connection.
   */
  async call(call: OutboundCall, signal: AbortSignal): Promise<OutboundAnswer> {
    const ending = new AbortController();
    const end = () => ending.abort();
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted || this.#isClosed) end();
    this.#calls.add(ending);
    try {
      return await this.#answer(call, ending.signal);
    } catch (fault) {
      if (fault instanceof OutboundError) throw fault;
      if (ending.signal.aborted)
        throw new OutboundError("aborted", "ended before there was an answer");
      throw new OutboundError("unreachable", codeOf(fault));
    } finally {
      signal.removeEventListener("abort", end);
      this.#calls.delete(ending);
    }
  }

  /** Ends all calls; later ones are ended at once. */
  close(): void {
    this.#isClosed = true;
    for (const call of this.#calls) call.abort();
  }

  async #answer(call: OutboundCall, signal: AbortSignal): Promise<OutboundAnswer> {
    signal.throwIfAborted();
    const refusal = this.refusalOfUrl(call.url);
    if (refusal !== null) throw new OutboundError("refused", `the URL ${refusal}`);
    const url = new URL(call.url);
    const addresses = await this.#addressesOf(url, signal);
    const response = await this.#responseOf(call, url, addresses, signal);
    const { status, headers } = response;
    return { status, headers, ...(await textOf(response, call.maxBytes ?? DEFAULT_MAX_BYTES)) };
  }

  /** Of a URL that may be called, the addresses to be tried in turn. */
  async #addressesOf(url: URL, signal: AbortSignal): Promise<readonly string[]> {
    const literal = literalAddress(url);
    if (literal !== null) return [literal];
    const found = await abortable(this.#resolve(url.hostname), signal);
    if (found.length === 0) throw new OutboundError("unreachable", "ENOTFOUND");
    const refusal = refusalOfAddresses(url, found, this.#addresses);
    if (refusal !== null) throw new OutboundError("refused", `the URL ${refusal}`);
    return found.slice(0, MOST_ADDRESSES_TRIED);
  }

  async #responseOf(
    call: OutboundCall,
    url: URL,
    [address = "", ...others]: readonly string[],
    signal: AbortSignal,
  ): Promise<Response> {
    try {
      return await this.#fetch(call, url, address, signal);
    } catch (fault) {
      // There was no connection, so nothing has been sent that could be sent twice.
      if (others.length === 0 || codeOf(fault) !== "ECONNREFUSED") throw fault;
      return this.#responseOf(call, url, others, signal);
    }
  }

  #fetch(call: OutboundCall, url: URL, address: string, signal: AbortSignal): Promise<Response> {
    const { method, body } = call;
    const target = new URL(url);
    target.hostname = address.includes(":") ? `[${address}]` : address;
    const isName = target.hostname !== url.hostname;
    const init: BunFetchRequestInit & { readonly decompress: boolean } = {
      ...{ method, signal, redirect: "manual", decompress: false },
      headers: {
        ...{ "user-agent": "Parley", "accept-encoding": "identity" },
        ...call.headers,
        host: url.host,
      },
      ...(body !== undefined && { body }),
      tls: {
        // The name that is asked for, and that the certificate must have: not the address's.
        ...(isName && { serverName: url.hostname.replace(/\.$/, "") }),
        ...(this.#authorities !== undefined && { ca: this.#authorities }),
      },
    };
    return fetch(target, init);
  }
}

/** IPv4 first: many a server has addresses of IPv6 that lead nowhere. */
async function systemAddresses(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true });
  return found.toSorted((a, b) => a.family - b.family).map(({ address }) => address);
}

/**
 * What the status says holds, however the body ends: whoever is asked has done it, and must not be
 * asked again.
 */
async function textOf(
  response: Response,
  maxBytes: number,
): Promise<Pick<OutboundAnswer, "body" | "isComplete">> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let isComplete = true;
  try {
    for await (const chunk of response.body ?? []) {
      chunks.push(chunk.subarray(0, maxBytes - bytes));
      bytes += chunk.byteLength;
      if (bytes <= maxBytes) continue;
      isComplete = false;
      break; // Leaving the loop ends the transfer.
    }
  } catch {
    isComplete = false;
  }
  return { body: Buffer.concat(chunks).toString("utf8"), isComplete };
}
