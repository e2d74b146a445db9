/**
 * Reads tensors from ZeroMQ frames: raw little-endian bytes, described by a {@link TensorSpec} in
 * the header.
 */
import { ProtocolError } from "../errors.ts";
import type { TensorDtype, TensorSpec } from "./protocol.ts";

/** The backend disconnects a peer that sends a larger frame. */
export const MAX_REQUEST_FRAME_BYTES = 64 * 1024 ** 2;

/** One tensor, row-major. bfloat16 stays as its bits. */
export type Tensor =
  | { readonly dtype: "float32"; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: "float64"; readonly shape: readonly number[]; readonly data: Float64Array }
  | { readonly dtype: "int32"; readonly shape: readonly number[]; readonly data: Int32Array }
  | { readonly dtype: "bfloat16"; readonly shape: readonly number[]; readonly data: Uint16Array }
  | { readonly dtype: "uint8"; readonly shape: readonly number[]; readonly data: Uint8Array };

/** A tensor of logits. */
export type FloatTensor = Extract<Tensor, { dtype: "float32" | "bfloat16" }>;

const ITEM_BYTES: Record<TensorDtype, number> = {
  float32: 4,
  float64: 8,
  bfloat16: 2,
  int32: 4,
  uint8: 1,
};

export function specOf(tensor: Tensor): TensorSpec {
  return { dtype: tensor.dtype, shape: tensor.shape };
}

/**
 * Returns the tensor in a received frame: a view of the frame, or of a copy where the frame is not
 * aligned.
 * @throws ProtocolError when the frame has another size than `spec` says.
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
    case "float64":
      return { dtype, shape, data: new Float64Array(buffer, byteOffset, items) };
    case "int32":
      return { dtype, shape, data: new Int32Array(buffer, byteOffset, items) };
    case "bfloat16":
      return { dtype, shape, data: new Uint16Array(buffer, byteOffset, items) };
    case "uint8":
      return { dtype, shape, data: new Uint8Array(buffer, byteOffset, items) };
  }
}

export function isFloatTensor(tensor: Tensor): tensor is FloatTensor {
  return tensor.dtype === "float32" || tensor.dtype === "bfloat16";
}

export function isOfShape({ shape }: Tensor, expected: readonly number[]): boolean {
  return shape.length === expected.length && shape.every((size, i) => size === expected[i]);
}

/** Describes tensors for messages: `int32 [2, 3] and float32 [6]`. */
export function describeTensors(tensors: readonly Tensor[]): string {
  const each = tensors.map(({ dtype, shape }) => `${dtype} [${shape.join(", ")}]`);
  return each.join(" and ") || "nothing";
}

/**
 * Returns the numbers of a tensor as float32: a float32 tensor's own array, or an array of a
 * bfloat16 tensor's numbers, each of which is the upper half of a float32.
 */
export function widened(tensor: FloatTensor): Float32Array {
  const { dtype, data } = tensor;
  if (dtype === "float32") return data;
  const bits = new Uint32Array(data.length);
  for (let i = 0; i < data.length; i++) bits[i] = data[i] << 16;
  return new Float32Array(bits.buffer);
}
