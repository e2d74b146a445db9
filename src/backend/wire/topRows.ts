/**
 * Checks the tensors of a `topRows` reply and takes them apart into rows, which are views of what
 * arrived.
 */
import type { DenoiserModel, TopRow } from "../../sampler/denoiser.ts";
import { ProtocolError } from "../errors.ts";
import { describeTensors, isFloatTensor, isOfShape, widened, type Tensor } from "./tensors.ts";

/**
 * Returns the rows of a reply.
 * @param rows N, how many were asked for.
 * @throws ProtocolError for anything except `rows` well-formed rows: the sampler relies on their
 * order and ranges.
 */
export function topRowsOf(
  tensors: readonly Tensor[],
  rows: number,
  { vocabSize, maskId }: Pick<DenoiserModel, "vocabSize" | "maskId">,
): TopRow[] {
  const [counts, ids, logits, rest, logMass] = tensors;
  if (
    tensors.length !== 5 ||
    !(counts.dtype === "int32" && isOfShape(counts, [rows])) ||
    !(ids.dtype === "int32" && isOfShape(ids, [ids.data.length])) ||
    !(isFloatTensor(logits) && isOfShape(logits, [ids.data.length])) ||
    !(rest.dtype === "float64" && isOfShape(rest, [rows])) ||
    !(logMass.dtype === "float64" && isOfShape(logMass, [rows]))
  ) {
    throw new ProtocolError(
      `A forward was answered with ${describeTensors(tensors)} instead of the top of ${rows} rows`,
    );
  }
  const values = widened(logits);
  const tops: TopRow[] = [];
  let begin = 0;
  for (let row = 0; row < rows; row++) {
    const count = counts.data[row];
    const end = begin + count;
    if (count < 0 || end > values.length) break;
    const top = {
      ids: ids.data.subarray(begin, end),
      logits: values.subarray(begin, end),
      rest: rest.data[row],
      logMass: logMass.data[row],
    };
    checkIds(top.ids, vocabSize, maskId);
    if (!(top.rest >= 0 && top.rest < Infinity)) {
      throw new ProtocolError(`The rest of a row is ${top.rest}`);
    }
    tops.push(top);
    begin = end;
  }
  if (tops.length === rows && begin === values.length) return tops;
  throw new ProtocolError(
    `The tops of ${rows} rows do not add up to the ${values.length} tokens that came`,
  );
}

function checkIds(ids: Int32Array, vocabSize: number, maskId: number): void {
  let before = -1;
  for (const id of ids) {
    if (id <= before || id >= vocabSize || id === maskId) {
      throw new ProtocolError(`The top of a row has token ${id} after ${before}`);
    }
    before = id;
  }
}
