/** The renderer on a terminal: what it draws, and where. */
import { PassThrough } from "node:stream";
import { expect, it } from "@jest/globals";
import { bytesView } from "../../../src/cli/terminal/bytesView.ts";
import { ProgressRenderer } from "../../../src/cli/terminal/progressRenderer.ts";

function terminal(columns: number, rows: number) {
  const pipe = new PassThrough();
  const said = { text: "" };
  pipe.on("data", (chunk: Buffer) => (said.text += chunk.toString()));
  const stream = Object.assign(pipe, { isTTY: true, columns, rows, hasColors: () => false });
  return { said, stream: stream as unknown as NodeJS.WriteStream };
}

it.each([
  [80, 24],
  [0, 0], // some pseudo-terminals say so
])("draws into %d x %d, and takes the picture away in the end", (columns, rows) => {
  const { said, stream } = terminal(columns, rows);
  const renderer = ProgressRenderer.on(stream, false);
  renderer.show(bytesView("mdlm", 50, 100));
  expect(said.text).toContain("50%  50 bytes of 100 bytes  mdlm\n");
  const drawn = said.text.length;
  renderer.end();
  renderer.end();
  renderer.show(bytesView("mdlm", 100, 100));
  // eslint-disable-next-line no-control-regex -- they are the point
  expect(said.text.slice(drawn)).toMatch(/^(\u001b\[[?\d]*[a-zA-Z])+$/);
});

it("is quiet where it is asked to be", () => {
  const { said, stream } = terminal(80, 24);
  const renderer = ProgressRenderer.on(stream, true);
  renderer.phase("Loading");
  renderer.show(bytesView("mdlm", 50, 100));
  renderer.note("a note");
  renderer.hint("a hint");
  renderer.clear();
  renderer.end();
  expect(said.text).toBe("");
});

it("counts the seconds of a phase without a measure, until something else is shown", async () => {
  const { said, stream } = terminal(80, 24);
  const renderer = ProgressRenderer.on(stream, false);
  renderer.phase("Loading demo ...");
  await new Promise((resolve) => setTimeout(resolve, 1200));
  expect(said.text).toContain("Loading demo ... 1 s");
  renderer.note("demo: ready");
  const noted = said.text.length;
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(said.text.slice(noted)).toBe("");
  renderer.end();
});
