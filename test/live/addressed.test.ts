// One commit's messages of the peer family, for one subscription after the other.
import { expect, test } from "bun:test";
import { Addressed } from "../../src/live/encoder.ts";

test("subscriptions with one id are sent one text, built once, and those with other ids their own", () => {
  let built = 0;
  const message = (text: string) => {
    return {
      withId(id: string) {
        built += 1;
        return `${id}:${text}`;
      },
    };
  };
  const addressed = new Addressed({ spliced: [message("x"), message("y")] });
  const first = addressed.to("a");
  expect(first).toEqual(["a:x", "a:y"]);
  expect(addressed.to("a")).toBe(first);
  expect(built).toBe(2);
  expect(addressed.to("b")).toEqual(["b:x", "b:y"]);
  expect(addressed.to("a")).toEqual(["a:x", "a:y"]);
  expect(built).toBe(6);
});
