import { expect, it, jest } from "@jest/globals";
import { watch } from "../../scripts/testing/watch.mjs";

function run(script: string) {
  return watch(process.execPath, ["-e", script], { cwd: process.cwd(), env: process.env });
}

it("passes the exit code on", async () => {
  expect(await run("process.exit(5)")).toEqual({ code: 5, complaint: "" });
});

it("ends a jest that leaked a handle, and complains though it would exit with 0", async () => {
  const write = jest.spyOn(process.stderr, "write").mockReturnValue(true);
  try {
    const hanging =
      'console.error("Jest did not exit one second after the test run has completed."); setInterval(() => {}, 1000)';
    expect(await run(hanging)).toEqual({
      code: null,
      complaint: expect.stringContaining("did not exit"),
    });
    expect(write.mock.calls.flat().join("")).toContain("Jest did not exit");
  } finally {
    write.mockRestore();
  }
});
