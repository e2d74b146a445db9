/** What Python's `tokenizers` makes of the same files, texts and ids. */
import { execa } from "execa";
import { findPython } from "../../../src/backend/process/python.ts";

const python = findPython().path;

const PROGRAM = `
import json, sys
from tokenizers import Tokenizer

def decoded(tokenizer, ids):
    mask = tokenizer.token_to_id("▒")
    return tokenizer.decode([mask if i < 0 else i for i in ids], skip_special_tokens=False)

given = json.load(sys.stdin)
answers = []
for file in given["files"]:
    tokenizer = Tokenizer.from_str(file)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    whole = [tokenizer.encode(text).ids for text in given["texts"]]
    answers.append({
        "ids": [tokenizer.encode(t, add_special_tokens=False).ids for t in given["texts"]],
        "whole": whole,
        "texts": [tokenizer.decode(ids, skip_special_tokens=False) if ids else "" for ids in whole],
        "decoded": [decoded(tokenizer, ids) for ids in given["ids"]],
    })
json.dump(answers, sys.stdout)
`;

export interface Answer {
  /** Of each text, nothing added. */
  readonly ids: number[][];
  /** With what the tokenizer puts around a whole text. */
  readonly whole: number[][];
  /** What `whole` decodes to. */
  readonly texts: string[];
  /** What the ids that were asked for decode to. */
  readonly decoded: string[];
}

/** @param files what tokenizer.json files hold. @param ids to decode; negative: the token ▒ of the file. */
export async function askPython(
  files: readonly string[],
  texts: readonly string[],
  ids: readonly (readonly number[])[] = [],
): Promise<Answer[]> {
  const { stdout } = await execa(python, ["-c", PROGRAM], {
    input: JSON.stringify({ files, texts, ids }),
    env: { PYTHONIOENCODING: "utf-8", TOKENIZERS_PARALLELISM: "false" },
    maxBuffer: 2 ** 28,
  });
  return JSON.parse(stdout) as Answer[];
}
