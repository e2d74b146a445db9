/** The drawing of the rooms in docs/design.md is the one that the rules give. */
import { describe, expect, it } from "@jest/globals";
import { design, draw } from "../../scripts/rooms.mjs";

describe("the drawing of the rooms", () => {
  it("in docs/design.md is made from .dependency-cruiser.mjs (node scripts/rooms.mjs --write)", () => {
    const { written, made } = design();
    expect(written).toContain("sampler --> foundation");
    expect(written).toBe(made);
  });

  it("leaves out the arrows that follow from others", () => {
    const rooms = new Map([
      ["ground", []],
      ["middle", ["ground"]],
      ["top", ["ground", "middle"]],
    ]);
    expect(draw(rooms)).toBe("```mermaid\ngraph TD\n  middle --> ground\n  top --> middle\n```\n");
  });

  it("is refused where it would promise more than the rules allow", () => {
    const rooms = new Map([
      ["ground", []],
      ["middle", ["ground"]],
      ["top", ["middle"]],
    ]);
    expect(() => draw(rooms)).toThrow("would let top import ground");
  });
});
