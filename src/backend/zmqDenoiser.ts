/** The network behind a transport, as the sampler sees it. */
import type { Denoiser, DenoiserModel, ForwardRequest } from "../sampler/denoiser.ts";
import { ProtocolError } from "./errors.ts";
import type {
  ForwardRequestHeader,
  ModelCard,
  ReleasedReply,
  Reply,
  RowsReply,
} from "./protocol.ts";
import type { Tensor } from "./tensors.ts";
import type { Transport } from "./transport.ts";

export class ZmqDenoiser<Model extends DenoiserModel = ModelCard> implements Denoiser {
  readonly model: Model;
  readonly #transport: Transport;

  constructor(transport: Transport, model: Model) {
    this.#transport = transport;
    this.model = model;
  }

  forward(request: ForwardRequest, signal?: AbortSignal): Promise<Float32Array> {
    return this.#rows("logits", request, this.model.vocabSize, signal);
  }

  masses(request: ForwardRequest, signal?: AbortSignal): Promise<Float32Array> {
    return this.#rows("masses", request, 2, signal);
  }

  /**
   * Like {@link forward}; @returns [N, V] what the original's `forward` gives for this kind of model: log p(x0 | xt), log
   * scores for `sedd`, log p(next token) for `ar`.
   */
  logProbs(request: ForwardRequest, signal?: AbortSignal): Promise<Float32Array> {
    return this.#rows("logprobs", request, this.model.vocabSize, signal);
  }

  release(cache: number): void {
    // A backend that is gone, or a connection that is closed, keeps nothing: there is nobody to tell.
    this.#transport.call({ type: "release", cache }, [], isReleased).catch(() => undefined);
  }

  async #rows(
    output: ForwardRequestHeader["output"],
    request: ForwardRequest,
    width: number,
    signal: AbortSignal | undefined,
  ): Promise<Float32Array> {
    const { batch, length, tokens, sigma, rows, cache } = request;
    const tensors: Tensor[] = [
      { dtype: "int32", shape: [batch, length], data: tokens },
      { dtype: "float32", shape: [batch], data: sigma },
      { dtype: "int32", shape: [rows.length], data: rows },
    ];
    const question = { type: "forward", output, ...(cache !== undefined && { cache }) } as const;
    const answer = await this.#transport.call(question, tensors, isRows, { signal });
    const expected = [rows.length, width];
    const [values] = answer.tensors;
    if (answer.tensors.length === 1 && values.dtype === "float32" && sameShape(values, expected)) {
      return values.data;
    }
    const got = answer.tensors.map(({ dtype, shape }) => `${dtype} [${shape.join(", ")}]`);
    throw new ProtocolError(
      `A forward was answered with ${got.join(" and ") || "nothing"} in the place of float32 [${expected.join(", ")}]`,
    );
  }
}

function sameShape({ shape }: Tensor, expected: readonly number[]): boolean {
  return shape.length === expected.length && shape.every((size, i) => size === expected[i]);
}

function isRows(reply: Reply): reply is RowsReply {
  return reply.type === "rows";
}

function isReleased(reply: Reply): reply is ReleasedReply {
  return reply.type === "released";
}
