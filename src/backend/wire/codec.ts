/**
 * Turns messages into frames and back: `[header, tensor, tensor, ...]`, see `protocol.ts`. Both
 * directions are checked, so that a mistake is found where it is made and no malformed message gets
 * further than this.
 */
import { Packr } from "msgpackr";
import { BackendError, ProtocolError } from "../errors.ts";
import { checkReply, checkRequest } from "./headers.ts";
import type { Reply, Request, TensorSpec } from "./protocol.ts";
import { MAX_REQUEST_FRAME_BYTES, specOf, tensorOf, type Tensor } from "./tensors.ts";

export type Frame = Uint8Array | Tensor["data"];

export interface ReplyMessage {
  readonly header: Reply;
  /** As the header describes them; empty for replies that carry none. */
  readonly tensors: readonly Tensor[];
}

/** The backend refuses to make a larger answer. */
export const MAX_REPLY_FRAME_BYTES = 4 * 1024 ** 3;
const MAX_HEADER_BYTES = 64 * 1024;

const WITHOUT_TENSORS = new Set<Request["type"]>(["hello", "ping", "release"]);

// Without `useRecords: false` msgpackr writes an extension that Python cannot read.
const packr = new Packr({ useRecords: false, int64AsType: "number" });

/**
 * Makes the frames of a request.
 * @param request the header without its `tensors`, which the argument `tensors` gives.
 * @returns frames that alias `tensors`, which must stay untouched until they are sent.
 * @throws ProtocolError for a header that the schema refuses, BackendError backend_rejected for a
 * tensor that is too large.
 */
export function encodeRequest(request: RequestHeader, tensors: readonly Tensor[]): Frame[] {
  const bare = WITHOUT_TENSORS.has(request.type);
  const header = bare ? request : { ...request, tensors: tensors.map(specOf) };
  for (const { data, shape } of tensors) {
    if (data.byteLength <= MAX_REQUEST_FRAME_BYTES) continue;
    throw new BackendError(
      "backend_rejected",
      `A tensor [${shape.join(", ")}] is larger than the ${MAX_REQUEST_FRAME_BYTES / 1024 ** 2} MiB of one frame`,
      "Use a smaller batchSize.",
    );
  }
  // The schemas refuse `undefined`, which msgpackr would write as an extension that Python cannot
  // read.
  return [packr.pack(checkRequest(header)), ...tensors.map(({ data }) => data)];
}

/** A request without its tensors' descriptions, which `encodeRequest` adds. */
export type RequestHeader = WithoutTensors<Request>;
type WithoutTensors<R> = R extends Request ? Omit<R, "tensors"> : never;

/**
 * Reads the frames of a reply.
 * @throws ProtocolError for frames that are not a valid reply; it carries the request's id where
 * that can be read.
 */
export function decodeReply(frames: readonly Uint8Array[]): ReplyMessage {
  const header = checkReply(unpackHeader(frames[0]));
  const specs: readonly TensorSpec[] = "tensors" in header ? header.tensors : [];
  const received = frames.slice(1);
  const id = header.id ?? undefined;
  if (specs.length !== received.length) {
    throw new ProtocolError(
      `A ${header.type} reply has ${received.length} tensors where its header describes ${specs.length}`,
      id,
    );
  }
  return { header, tensors: specs.map((spec, i) => tensorOf(spec, received[i], id)) };
}

function unpackHeader(frame: Uint8Array | undefined): unknown {
  if (frame === undefined || frame.byteLength > MAX_HEADER_BYTES) {
    throw new ProtocolError(
      `A reply has a header of ${frame?.byteLength ?? 0} bytes, at most ${MAX_HEADER_BYTES} are allowed`,
    );
  }
  try {
    const header: unknown = packr.unpack(frame);
    return header;
  } catch (cause) {
    throw new ProtocolError("A reply's header is not msgpack", undefined, cause);
  }
}
