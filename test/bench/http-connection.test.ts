import { expect, test } from "bun:test";
import { HttpConnection } from "../../bench/load/http-connection.ts";

test("what the load client sends into a connection that the server has closed is answered: it must not look like a row that was lost", async () => {
  const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>();
  using listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: (socket) => {
        socket.end();
      },
      data: () => undefined,
      close: () => onClosed(),
    },
  });
  const connection = await HttpConnection.open(listener.port);
  await closed;
  const request = { path: "/", token: "t", body: "{}" };
  expect(await connection.request(request)).toEqual({ status: 0, body: "connection closed" });
  expect(await connection.request(request)).toEqual({ status: 0, body: "connection closed" });
});
