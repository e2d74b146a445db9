/** Provides the services of a real experiment: this package's models, judge and measures. */
import { evaluate } from "../../evaluation/evaluate.ts";
import { Judge } from "../../evaluation/judge/judge.ts";
import { resolveJudge } from "../../evaluation/judge/judgeOptions.ts";
import { MAUVE_LEAST_TEXTS } from "../../evaluation/judge/mauveSettings.ts";
import { resolveLaunch, type Device } from "../../program/launchOptions.ts";
import { packageVersion } from "../../foundation/packageRoot.ts";
import { Remdm } from "../../program/remdm.ts";
import { ExperimentError } from "../errors.ts";
import type { Services } from "./services.ts";

/** Makes the services that every experiment but a test's uses. */
export function realServices(): Services {
  return {
    version: packageVersion(),
    evaluate,
    leastTexts: MAUVE_LEAST_TEXTS,
    check({ models, cells, judge, judgeRawWeights, mauve, mauveIsNamed, device, dtype, source }) {
      const few = cells.find(({ samples }) => samples < MAUVE_LEAST_TEXTS);
      if (mauve !== false && mauveIsNamed && few !== undefined) {
        throw new ExperimentError(
          "experiment_invalid",
          `${source.where(few.path)} (${few.id}) has ${few.samples} samples, too few for MAUVE`,
          `Draw ${MAUVE_LEAST_TEXTS} samples at least, hundreds at best; or say mauve: false.`,
        );
      }
      for (const { checkpoint, tokenizer, rawWeights } of models) {
        const optional = tokenizer === undefined ? {} : { tokenizer };
        resolveLaunch({ checkpoint, rawWeights, dtype, device: device as Device, ...optional });
      }
      if (judge === false) return;
      resolveJudge({ model: judge, rawWeights: judgeRawWeights, device: device as Device });
    },
    launch: ({ checkpoint, tokenizer, rawWeights }, { device, dtype }, signal) =>
      Remdm.launch({
        checkpoint,
        rawWeights,
        dtype,
        device: device as Device, // its form was checked
        ...(tokenizer !== undefined && { tokenizer }),
        ...(signal && { signal }),
      }),
    judge: (model, { device, judgeRawWeights: rawWeights }, signal) =>
      Judge.launch({ model, rawWeights, device: device as Device, ...(signal && { signal }) }),
  };
}
