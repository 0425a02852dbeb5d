/**
 * The engine under Parley with next to nothing on it: `Bun.serve` and its topics, the ceiling that
 * Parley's figures are ratios to. It looks for fixed bytes of the frames that the load generator
 * sends, and answers with as little as it takes. It authorises, stores and confirms nothing.
 */

interface Peer {
  userId: string;
}

const data: Peer = { userId: "" };

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request, bare) {
    if (bare.upgrade(request, { data: { userId: "" } })) return undefined;
    return new Response("bare");
  },
  websocket: {
    data,
    message(socket, frame) {
      if (typeof frame !== "string") return;
      if (frame.startsWith("SEND")) {
        send(frame);
      } else if (frame.startsWith("SUBSCRIBE")) {
        const destination = header(frame, "\ndestination:");
        const isOwn = destination === "/user/queue/messages";
        socket.subscribe(isOwn ? queueOf(socket.data.userId) : destination);
        socket.send(`RECEIPT\nreceipt-id:${header(frame, "\nreceipt:")}\n\n\0`);
      } else if (frame.startsWith("CONNECT")) {
        socket.data.userId = header(frame, "\nX-User-Id:");
        socket.send("CONNECTED\nversion:1.2\n\n\0");
      }
    },
  },
});

/** With a header block as long as Parley's, so that the engine moves as many bytes. */
const MESSAGE_ID = "00000000-0000-0000-0000-000000000000";

function send(frame: string): void {
  const body = frame.slice(frame.indexOf("\n\n") + 2);
  const destination = header(frame, "\ndestination:");
  if (destination === "/app/chat.send") {
    const from = frame.indexOf('"recipientId":"') + 15;
    const recipient = frame.slice(from, frame.indexOf('"', from));
    server.publish(queueOf(recipient), message("m", "/user/queue/messages", body));
  } else {
    server.publish(destination, message("sub-0", destination, body));
  }
}

/** `body` with the NUL that ends it. */
function message(subscription: string, destination: string, body: string): string {
  return `MESSAGE\nsubscription:${subscription}\nmessage-id:${MESSAGE_ID}\ndestination:${destination}\ncontent-type:text/plain\ncontent-length:${body.length - 1}\n\n${body}`;
}

function queueOf(userId: string): string {
  return `/user/${userId}`;
}

function header(frame: string, mark: string): string {
  const from = frame.indexOf(mark) + mark.length;
  return frame.slice(from, frame.indexOf("\n", from));
}

// The line that the bench waits for, as Parley writes it.
console.log(JSON.stringify({ url: `http://127.0.0.1:${server.port}` }));
