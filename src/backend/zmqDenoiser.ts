/** The network behind a transport, as the sampler sees it. */
import type { Denoiser, ForwardRequest } from "../sampler/denoiser.ts";
import { ProtocolError } from "./errors.ts";
import type { ForwardRequestHeader, ModelCard, Reply, RowsReply } from "./protocol.ts";
import type { Tensor } from "./tensors.ts";
import type { Transport } from "./transport.ts";

export class ZmqDenoiser implements Denoiser {
  readonly model: ModelCard;
  readonly #transport: Transport;

  constructor(transport: Transport, model: ModelCard) {
    this.#transport = transport;
    this.model = model;
  }

  forward(request: ForwardRequest, signal?: AbortSignal): Promise<Float32Array> {
    return this.#rows("logits", request, signal);
  }

  /** Like {@link forward}; @returns [N, V] log p(x0 | xt) after SUBS, as the original's `forward`. */
  logProbs(request: ForwardRequest, signal?: AbortSignal): Promise<Float32Array> {
    return this.#rows("logprobs", request, signal);
  }

  async #rows(
    output: ForwardRequestHeader["output"],
    request: ForwardRequest,
    signal: AbortSignal | undefined,
  ): Promise<Float32Array> {
    const { batch, length, tokens, sigma, rows } = request;
    const tensors: Tensor[] = [
      { dtype: "int32", shape: [batch, length], data: tokens },
      { dtype: "float32", shape: [batch], data: sigma },
      { dtype: "int32", shape: [rows.length], data: rows },
    ];
    const answer = await this.#transport.call({ type: "forward", output }, tensors, isRows, {
      signal,
    });
    const expected = [rows.length, this.model.vocabSize];
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
