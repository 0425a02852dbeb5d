import type { Dialect } from "./dialect.ts";
import { SocketConnection } from "./socket-connection.ts";

const DIGIT_0 = 48;
const DIGIT_2 = 50;
const DIGIT_4 = 52;
/** Socket.IO's packet types, after the 4 with which Engine.IO says that it is a message. */
const CONNECTED = DIGIT_0;
const EVENT = DIGIT_2;
/** As bench/peers/socket-io/server.mjs emits it. */
const BODY_AFTER = '42["message","'.length;
const BODY_BEFORE = '"]'.length;

const PATH = "/socket.io/?EIO=4&transport=websocket";

/** Engine.IO 4 and Socket.IO 5 over WebSocket alone, for the server in bench/peers/socket-io. */
export const socketIo: Dialect = {
  connect: (options) => new SocketIoConnection(options).open(PATH, "socket.io", "40"),
};

class SocketIoConnection extends SocketConnection {
  override subscribe(channel: string): void {
    this.send(`42["subscribe","${channel}"]`);
  }

  override publish(channel: string, body: string): void {
    this.send(`42["publish","${channel}","${body}"]`);
  }

  protected override received(bytes: Buffer, start: number, end: number): void {
    const [type, packet] = [bytes[start], bytes[start + 1]];
    if (type === DIGIT_2)
      this.send("3"); // A ping.
    else if (type === DIGIT_4 && packet === EVENT)
      this.options.onBody(bytes, start + BODY_AFTER, end - BODY_BEFORE);
    else if (type === DIGIT_4 && packet === CONNECTED) this.accepted();
    else if (type !== DIGIT_0) this.ended(bytes.toString("utf8", start, end));
  }
}
