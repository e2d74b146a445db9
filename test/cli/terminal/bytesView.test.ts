import { expect, it } from "@jest/globals";
import { byteFacts, bytesView } from "../../../src/cli/terminal/bytesView.ts";
import { ProgressRenderer } from "../../../src/cli/terminal/progressRenderer.ts";

it.each([
  [585e6, 1.36e9, 12e6, " 43%  585 MB of 1.36 GB  12 MB/s  1:05 left"],
  [585e6, 1.36e9, undefined, " 43%  585 MB of 1.36 GB"],
  [1.36e9, 1.36e9, 12e6, "100%  1.36 GB of 1.36 GB  12 MB/s"],
  [4500, undefined, 900, "4.50 kB  900 bytes/s"],
  [0, 0, undefined, "  0%  0 bytes of 0 bytes"],
])("%d of %p bytes at %p", (done, total, perSecond, text) => {
  expect(byteFacts(done, total, perSecond)).toBe(text);
});

it("plain lines come now and then, and anew for something else", () => {
  const lines: string[] = [];
  let now = 0;
  const renderer = ProgressRenderer.plain(
    (line) => lines.push(line),
    () => now,
  );
  for (; now <= 15_000; now += 500) renderer.show(bytesView("mdlm", now * 1000, 100e6));
  renderer.show(bytesView("checking mdlm", 0, 100e6));
  expect(lines).toEqual([
    "mdlm: 2%  2.0 MB of 100 MB  1.0 MB/s  1:38 left",
    "mdlm: 12%  12 MB of 100 MB  1.0 MB/s  1:28 left",
  ]);
});
