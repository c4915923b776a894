import { expect, test } from "bun:test";

test.each(["storage", "jobs", "protocol", "authentication", "operations"])(
  "the invariants of specs/%s.md are numbered from one on, no number twice",
  async (name) => {
    const text = await Bun.file(new URL(`../../specs/${name}.md`, import.meta.url)).text();
    const numbers = [...text.matchAll(/^(\d+)\. /gm)].map(([, number]) => Number(number));
    expect(numbers).toEqual(numbers.map((_number, index) => index + 1));
  },
);
