/** Checks what MAUVE is computed from, before anything is sent. */
import type { MauveRequestHeader } from "../../backend/wire/protocol.ts";
import { MAX_REQUEST_FRAME_BYTES, type Tensor } from "../../backend/wire/tensors.ts";
import {
  checkFunction,
  checkInteger,
  checkNumber,
  checkOptions,
  isRecord,
} from "../../foundation/checks.ts";
import { OptionError } from "../../foundation/errors.ts";
import { checkMauveSettings, MAUVE_LEAST_TEXTS, TEXTS_PER_BUCKET } from "./mauveSettings.ts";
import {
  checkCallbacks,
  type Features,
  type JudgeCallOptions,
  type MauveOptions,
} from "./textJudge.ts";

/**
 * The largest share of variance that can be kept. In single precision the sum of the shares never
 * gets closer to 1, and mauve-text then keeps a single component.
 */
const MAX_VARIANCE = 0.999;

const KEYS: Readonly<Record<keyof (MauveOptions & JudgeCallOptions), true>> = {
  seeds: true,
  scale: true,
  buckets: true,
  explainedVariance: true,
  redo: true,
  maxIterations: true,
  onTie: true,
  signal: true,
  onProgress: true,
};

/** The seeds, each of which makes a request, and the settings that all of these requests share. */
export interface CheckedMauve {
  readonly seeds: readonly number[];
  readonly settings: Omit<MauveRequestHeader, "type" | "id" | "tensors" | "seed">;
}

/** Checks the options of a judge's `mauve`. @throws OptionError. */
export function checkMauve(options: MauveOptions & JudgeCallOptions): CheckedMauve {
  checkCallbacks(checkOptions("mauve", options, KEYS));
  checkFunction("onTie", options.onTie);
  const { buckets, explainedVariance: share = 0.9, redo = 5, maxIterations = 500 } = options;
  const { seeds, scale } = checkMauveSettings(options);
  const settings = {
    scale,
    explainedVariance: checkNumber(
      "explainedVariance",
      share,
      `a number in (0, ${MAX_VARIANCE}]`,
      (x) => x > 0 && x <= MAX_VARIANCE,
    ),
    redo: checkInteger("redo", redo, 1, 1000),
    maxIterations: checkInteger("maxIterations", maxIterations, 1, 100_000),
    ...(buckets !== undefined && { buckets: checkInteger("buckets", buckets, 2, 100_000) }),
  };
  return { seeds, settings };
}

/**
 * Makes the tensors of a request.
 * @throws OptionError for too few texts, sizes that do not fit together, or more than one message
 * holds.
 */
export function mauveTensors(p: Features, q: Features): [Tensor, Tensor] {
  checkFeatures("p", p);
  checkFeatures("q", q);
  if (p.width !== q.width) {
    throw new OptionError("q", q, `features of the same judge as p, ${p.width} of a text`);
  }
  return [featuresTensor("p", "references", p), featuresTensor("q", "samples", q)];
}

/** Checks the type at run time: features that went through JSON have lost it. */
function checkFeatures(name: string, features: unknown): void {
  if (!isRecord(features))
    throw new OptionError(name, features, "what `features` of a judge gives");
  const { rows, width, data } = features;
  if (!(data instanceof Float32Array))
    throw new OptionError(`${name}.data`, data, "a Float32Array");
  checkInteger(`${name}.rows`, rows, 0, data.length);
  checkInteger(`${name}.width`, width, 0, data.length);
}

function featuresTensor(name: string, what: string, { rows, width, data }: Features): Tensor {
  if (rows < MAUVE_LEAST_TEXTS) {
    const why = `MAUVE makes one cluster for every ${TEXTS_PER_BUCKET} texts, and two are the least`;
    throw new OptionError(
      `${name}.rows`,
      rows,
      `at least ${MAUVE_LEAST_TEXTS}, the number of ${what}: ${why}`,
    );
  }
  if (data.length !== rows * width || width < 1) {
    throw new OptionError(`${name}.data`, data, `${rows} rows of ${width} numbers`);
  }
  if (data.byteLength > MAX_REQUEST_FRAME_BYTES) {
    const most = Math.floor(MAX_REQUEST_FRAME_BYTES / (4 * width));
    throw new OptionError(
      `${name}.rows`,
      rows,
      `at most ${most} for features of this width, ${width}`,
    );
  }
  return { dtype: "float32", shape: [rows, width], data };
}
