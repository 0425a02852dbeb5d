// What a Socket.IO server for chat starts as: rooms, and events that go to all in a room.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http);

io.on("connection", (socket) => {
  socket.on("subscribe", (room) => socket.join(room));
  socket.on("publish", (room, body) => io.to(room).emit("message", body));
});

http.listen(Number(process.env.PORT), "127.0.0.1");
