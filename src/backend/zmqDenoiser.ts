/** The network behind a transport, as the sampler sees it. */
import type {
  Denoiser,
  DenoiserModel,
  ForwardRequest,
  StatisticsRequest,
  TopCut,
  TopRow,
} from "../sampler/denoiser.ts";
import { ProtocolError } from "./errors.ts";
import type {
  ForwardRequestHeader,
  ModelCard,
  ReleasedReply,
  Reply,
  RowsReply,
  TopRowsReply,
} from "./wire/protocol.ts";
import { describeTensors, isFloatTensor, isOfShape, widened, type Tensor } from "./wire/tensors.ts";
import { topRowsOf } from "./wire/topRows.ts";
import type { Transport } from "./connection/transport.ts";

export interface ZmqDenoiserOptions {
  /** Whether the sampler may ask for the top of rows instead of whole rows. Default false. */
  readonly top?: boolean;
}

/** What a forward is asked for, beside its tensors. */
type Wanted = Pick<
  ForwardRequestHeader,
  "output" | "topMass" | "temperature" | "topK" | "statistics"
>;

type Asked = ForwardRequest & Pick<StatisticsRequest, "given">;

export class ZmqDenoiser<Model extends DenoiserModel = ModelCard> implements Denoiser {
  readonly model: Model;
  readonly top?: NonNullable<Denoiser["top"]>;
  readonly #transport: Transport;

  constructor(transport: Transport, model: Model, { top = false }: ZmqDenoiserOptions = {}) {
    this.#transport = transport;
    this.model = model;
    if (top) this.top = (request, cut, signal) => this.#topRows(request, cut, signal);
  }

  forward(request: ForwardRequest, signal?: AbortSignal): Promise<Float32Array> {
    return this.#rows({ output: "logits" }, request, this.model.vocabSize, signal);
  }

  statistics(request: StatisticsRequest, signal?: AbortSignal): Promise<Float32Array> {
    const { statistics } = request;
    return this.#rows({ output: "statistics", statistics }, request, statistics.length, signal);
  }

  /**
   * Like {@link forward}; @returns [N, V] what the original's `forward` gives for this kind of
   * model: log p(x0 | xt), log scores for `sedd`, log p(next token) for `ar`.
   */
  logProbs(request: ForwardRequest, signal?: AbortSignal): Promise<Float32Array> {
    return this.#rows({ output: "logprobs" }, request, this.model.vocabSize, signal);
  }

  release(cache: number): void {
    // A backend that is gone, or a connection that is closed, keeps nothing: there is nobody to
    // tell.
    this.#transport.call({ type: "release", cache }, [], isReleased).catch(() => undefined);
  }

  async #rows(
    wanted: Wanted,
    request: Asked,
    width: number,
    signal: AbortSignal | undefined,
  ): Promise<Float32Array> {
    const tensors = await this.#ask(wanted, request, isRows, signal);
    const expected = [request.rows.length, width];
    const [values] = tensors;
    if (tensors.length === 1 && isFloatTensor(values) && isOfShape(values, expected)) {
      if (values.dtype === "float32" || wanted.output === "logits") return widened(values);
    }
    throw new ProtocolError(
      `A forward was answered with ${describeTensors(tensors)} instead of float32 [${expected.join(", ")}]`,
    );
  }

  async #topRows(
    request: ForwardRequest,
    { mass, temperature, topK }: TopCut,
    signal: AbortSignal | undefined,
  ): Promise<TopRow[]> {
    const wanted: Wanted = {
      output: "logits",
      ...(mass !== undefined && { topMass: mass }),
      ...(temperature !== undefined && { temperature }),
      ...(topK !== undefined && { topK }),
    };
    const tensors = await this.#ask(wanted, request, isTopRows, signal);
    return topRowsOf(tensors, request.rows.length, this.model);
  }

  async #ask(
    wanted: Wanted,
    { batch, length, tokens, sigma, rows, cache, given, banned, guidance }: Asked,
    accept: (reply: Reply) => reply is RowsReply | TopRowsReply,
    signal: AbortSignal | undefined,
  ): Promise<readonly Tensor[]> {
    const tensors: Tensor[] = [
      { dtype: "int32", shape: [batch, length], data: tokens },
      { dtype: "float32", shape: [batch], data: sigma },
      { dtype: "int32", shape: [rows.length], data: rows },
    ];
    // A request about statistics may also serve as one about rows, where nothing is named.
    if (wanted.output === "statistics" && given !== undefined) {
      tensors.push({ dtype: "int32", shape: [given.length], data: given });
    }
    if (banned !== undefined) {
      tensors.push({ dtype: "int32", shape: [banned.length], data: banned });
    }
    if (guidance !== undefined) {
      const { masked } = guidance;
      tensors.push({ dtype: "int32", shape: [masked.length], data: masked });
    }
    const question = {
      type: "forward",
      ...wanted,
      ...(banned !== undefined && { bans: true as const }),
      ...(guidance !== undefined && { guidanceScale: guidance.scale }),
      ...(cache !== undefined && { cache }),
    } as const;
    const answer = await this.#transport.call(question, tensors, accept, { signal });
    return answer.tensors;
  }
}

function isRows(reply: Reply): reply is RowsReply {
  return reply.type === "rows";
}

function isTopRows(reply: Reply): reply is TopRowsReply {
  return reply.type === "topRows";
}

function isReleased(reply: Reply): reply is ReleasedReply {
  return reply.type === "released";
}
