/** What belongs to a connection and not to the message [RFC 9110 §7.6.1], and what is written anew. */
const OF_THE_CONNECTION = [
  ...["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect"],
  "content-length",
];

/** The peer's address, said by the process that a request came to. Whatever a client says is replaced. */
const PEER_HEADER = "parley-peer-address";

/**
 * Hands a request to another process by its Unix domain socket, and its answer back, piece by piece as
 * it comes. Rejects when that process is not there.
 *
 * @param peerAddress whom the request came from
 * @param onEnd nothing of the answer is to come any more; not called when it rejects
 */
export async function passOn(
  request: Request,
  socket: string,
  peerAddress: string | null,
  onEnd: () => void,
): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const headers = withoutConnection(request.headers);
  headers.delete(PEER_HEADER);
  if (peerAddress !== null) headers.set(PEER_HEADER, peerAddress);
  const { method, body, signal } = request;
  const answer = await fetch(`http://localhost${pathname}${search}`, {
    ...{ method, headers, body, signal, redirect: "manual", unix: socket },
    // As it is. The owner knows when to give up.
    ...{ decompress: false, timeout: false },
  });
  const { status } = answer;
  const answerHeaders = withoutConnection(answer.headers);
  if (answer.body === null) {
    onEnd();
    return new Response(null, { status, headers: answerHeaders });
  }
  return new Response(relayed(answer.body, onEnd), { status, headers: answerHeaders });
}

/** Of a request that `passOn` has handed on; null: nobody knows. */
export function passedOnPeer(request: Request): string | null {
  return request.headers.get(PEER_HEADER);
}

function withoutConnection(headers: Headers): Headers {
  const copy = new Headers(headers);
  for (const name of OF_THE_CONNECTION) copy.delete(name);
  return copy;
}

/** Each piece on its way at once: any but a direct stream would join those that wait. */
function relayed(body: ReadableStream<Uint8Array>, onEnd: () => void): ReadableStream<Uint8Array> {
  const source: Bun.DirectUnderlyingSource<Uint8Array> = {
    type: "direct",
    async pull(out) {
      try {
        for await (const piece of body) {
          await out.write(piece);
          out.flush();
        }
      } catch {
        // The owner, or the client, is gone: the answer ends where it is.
      } finally {
        onEnd();
        out.end();
      }
    },
  };
  // The browser's types, which know no such source, hide those of Bun.
  return Reflect.construct(ReadableStream, [source]);
}
