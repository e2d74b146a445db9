import { describe, expect, it } from "@jest/globals";
import { InputError } from "../../../src/evaluation/errors.ts";
import { checkItems, readTask } from "../../../src/evaluation/tasks/taskFile.ts";
import { scratchFiles } from "../support/scratch.ts";

const file = scratchFiles();

describe("a task", () => {
  it("has an item a line, named by its place unless it has a name", async () => {
    const path = file(
      "task.jsonl",
      `\ufeff{"id":"sum","prompt":"2 + 2 =","expected":4,"scorer":"number","metadata":{"from":1}}\r

{"prompt":"","expected":["a","b"],"scorer":"contains","stop":"\\n"}
{"prompt":"?","numbers":[3,8],"target":24,"expected":"8*3","scorer":"countdown"}
{"prompt":"?","choices":["a","b"],"expected":"b","scorer":"choice"}`,
    );
    const items = await readTask(path);
    expect(items.map(({ id, scorer }) => [id, scorer])).toEqual([
      ["sum", "number"],
      ["2", "contains"],
      ["3", "countdown"],
      ["4", "choice"],
    ]);
    expect(checkItems(items)[3]).toMatchObject({ choices: ["a", "b"], expected: 1 });
    expect(checkItems(items)[1]).toMatchObject({ stop: ["\n"], expected: ["a", "b"] });
  });

  it("takes a scorer for items that name none", async () => {
    const path = file("task.jsonl", '{"prompt":"a","expected":"b"}');
    expect(await readTask(path, { scorer: "exact" })).toMatchObject([{ scorer: "exact" }]);
  });

  it("is nothing without items", async () => {
    await expect(readTask(file("task.jsonl", "\n\n"))).rejects.toThrow(/holds no items$/);
  });
});

describe("an error of a file names the line and the field", () => {
  it.each<[string, string | RegExp]>([
    ["{", /is not JSON: /],
    ["7", "must be an object with `prompt`"],
    ['{"expected":"a","scorer":"exact"}', "must have `prompt`, a text"],
    ['{"prompt":7,"scorer":"exact"}', "must have a text as `prompt`, and has 7"],
    [
      '{"prompt":"","expected":"a"}',
      /must have a scorer, its own or one for all items: one of exact, .*choice$/,
    ],
    ['{"prompt":"","scorer":"regex"}', /must have one of .* as `scorer`, and has "regex"$/],
    ['{"id":7,"prompt":"","scorer":"exact"}', /a text that is not empty as `id`, and has 7$/],
    ['{"prompt":"","scorer":"exact"}', /must have `expected`, a text that is not empty/],
    ['{"prompt":"","scorer":"exact","expected":[]}', /as `expected`, and has an array of 0$/],
    ['{"prompt":"","scorer":"exact","expected":["a",7]}', /as `expected`, and has 7$/],
    ['{"prompt":"","scorer":"exact","expected":"  "}', /texts that are not blank as `expected`/],
    ['{"prompt":"","scorer":"number","expected":"four"}', /as `expected`, and has "four"$/],
    ['{"prompt":"","scorer":"number","expected":NaN}', /as `expected`, and has NaN$/],
    [
      '{"prompt":"","scorer":"number","expected":12345678901234567890}',
      /a number beyond 2\^53 as a text, in quotes, as `expected`/,
    ],
    [
      '{"prompt":"","scorer":"exact","expcted":"a"}',
      "must not have `expcted`: with the scorer exact it takes id, prompt, scorer, metadata, expected, stop",
    ],
    ['{"prompt":"","scorer":"choice","choices":["a"],"expected":0}', /as `choices`, and has an/],
    ['{"prompt":"","scorer":"choice","choices":["a","a"],"expected":0}', /2 different texts/],
    [
      '{"prompt":"","scorer":"choice","choices":["a","b"],"expected":2}',
      "must have the text of a choice, or its place from 0 to 1 as `expected`, and has 2",
    ],
    ['{"prompt":"","scorer":"choice","choices":["a","b"],"expected":"c"}', /and has "c"$/],
    ['{"prompt":"","scorer":"choice","choices":["a","b"],"expected":true}', /and has true$/],
    ['{"prompt":"","scorer":"choice","choices":["a","b"]}', /must have `expected`, the text/],
    ['{"prompt":"","scorer":"countdown","numbers":[3],"target":3}', /2 to 8 integers from 0 on/],
    ['{"prompt":"","scorer":"countdown","numbers":[3,-1],"target":3}', /as `numbers`/],
    ['{"prompt":"","scorer":"countdown","numbers":[3,8]}', "must have `target`, an integer"],
    ['{"prompt":"","scorer":"countdown","numbers":[3,8],"target":2.5}', /as `target`/],
    ['{"prompt":"","scorer":"countdown","numbers":[3,8],"target":1,"use":"any"}', /as `use`/],
    [
      '{"prompt":"","scorer":"countdown","numbers":[3,8],"target":24,"expected":"3+8"}',
      "has an `expected` that is no solution: The value is 11",
    ],
    ['{"id":"1","prompt":"","scorer":"exact","expected":"a"}', 'has the `id` "1" of line 1'],
  ])("%s", async (line, problem) => {
    const first = '{"prompt":"","scorer":"exact","expected":"a"}';
    const path = file("task.jsonl", `${first}\n${line}\n`);
    const error: unknown = await readTask(path).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InputError);
    expect(error).toMatchObject({ path, line: 2, code: "input_invalid" });
    const { message } = error as InputError;
    const said = message.slice(`${path}, line 2, `.length);
    expect(said).toEqual(typeof problem === "string" ? problem : expect.stringMatching(problem));
  });

  it("or the item, where items come from a program", () => {
    const wrong = (items: unknown) => () => checkItems(items);
    expect(wrong([])).toThrow("items must be an array of one item or more; got an array of 0");
    expect(wrong([{ prompt: "a" }])).toThrow(
      "items[0] must have a scorer, its own or one for all items",
    );
    const item = { id: "a", prompt: "", scorer: "exact", expected: "b" };
    expect(wrong([item, item])).toThrow("items[1] has the `id` of items[0]");
    expect(() => checkItems([{ prompt: "", expected: "a" }], "exact")).not.toThrow();
  });
});
