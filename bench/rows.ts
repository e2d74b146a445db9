/**
 * What worker threads bring to drawing rows of GPT-2's vocabulary: many rows of a call drawn in the calling thread
 * alone, and with one and two workers beside it, in turns.
 *
 *     npm run bench rows -- --rounds 21
 */
import { parseArgs } from "node:util";
import { PhiloxNoise, RowPool } from "remdm";
import { Pace } from "../src/foundation/pace.ts";
import { Nucleus } from "../src/sampler/draw/nucleus.ts";
import { RowSampler, type TopRow } from "../src/sampler/draw/rowSampler.ts";
import type { RowTask } from "../src/sampler/draw/rowTask.ts";
import { drawRows } from "../src/sampler/draw/workers/drawRows.ts";
