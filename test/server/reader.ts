// A client that reads whatever its WebSocket brings, until its process is stopped: run with the port as its argument.
import { connect } from "node:net";

const socket = connect(Number(process.argv[2]), "127.0.0.1");
socket.write(
  "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
);
socket.resume();
socket.on("close", () => process.exit(0));
setTimeout(() => process.exit(1), 120_000);
