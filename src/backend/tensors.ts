/** Tensors as ZeroMQ frames: raw little-endian bytes, described by a {@link TensorSpec} in the header. */
import { ProtocolError } from "./errors.ts";
import type { TensorDtype, TensorSpec } from "./protocol.ts";

/** One tensor, row-major. bfloat16 stays as its bits. */
export type Tensor =
  | { readonly dtype: "float32"; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: "int32"; readonly shape: readonly number[]; readonly data: Int32Array }
  | { readonly dtype: "bfloat16"; readonly shape: readonly number[]; readonly data: Uint16Array };

const ITEM_BYTES: Record<TensorDtype, number> = { float32: 4, bfloat16: 2, int32: 4 };

export function specOf(tensor: Tensor): TensorSpec {
  return { dtype: tensor.dtype, shape: tensor.shape };
}

/**
 * The tensor in a received frame: a view of it, or of a copy where the frame is not aligned.
 * @throws ProtocolError when the frame has not the size that `spec` says.
 */
export function tensorOf(spec: TensorSpec, frame: Uint8Array, requestId?: number): Tensor {
  const { dtype, shape } = spec;
  const items = shape.reduce((product, size) => product * size, 1);
  const itemBytes = ITEM_BYTES[dtype];
  // Written so that a product that overflowed to Infinity is refused too.
  if (!(items * itemBytes === frame.byteLength)) {
    throw new ProtocolError(
      `A frame has ${frame.byteLength} bytes where ${dtype} [${shape.join(", ")}] needs ${items * itemBytes}`,
      requestId,
    );
  }
  const { buffer, byteOffset } = frame.byteOffset % itemBytes === 0 ? frame : frame.slice();
  switch (dtype) {
    case "float32":
      return { dtype, shape, data: new Float32Array(buffer, byteOffset, items) };
    case "int32":
      return { dtype, shape, data: new Int32Array(buffer, byteOffset, items) };
    case "bfloat16":
      return { dtype, shape, data: new Uint16Array(buffer, byteOffset, items) };
  }
}
