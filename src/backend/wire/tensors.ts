/** Tensors as ZeroMQ frames: raw little-endian bytes, described by a {@link TensorSpec} in the header. */
import { ProtocolError } from "../errors.ts";
import type { TensorDtype, TensorSpec } from "./protocol.ts";

/** One tensor, row-major. bfloat16 stays as its bits. */
export type Tensor =
  | { readonly dtype: "float32"; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: "float64"; readonly shape: readonly number[]; readonly data: Float64Array }
  | { readonly dtype: "int32"; readonly shape: readonly number[]; readonly data: Int32Array }
  | { readonly dtype: "bfloat16"; readonly shape: readonly number[]; readonly data: Uint16Array };

/** A tensor of logits. */
export type FloatTensor = Extract<Tensor, { dtype: "float32" | "bfloat16" }>;

const ITEM_BYTES: Record<TensorDtype, number> = { float32: 4, float64: 8, bfloat16: 2, int32: 4 };

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
    case "float64":
      return { dtype, shape, data: new Float64Array(buffer, byteOffset, items) };
    case "int32":
      return { dtype, shape, data: new Int32Array(buffer, byteOffset, items) };
    case "bfloat16":
      return { dtype, shape, data: new Uint16Array(buffer, byteOffset, items) };
  }
}

export function isFloatTensor(tensor: Tensor): tensor is FloatTensor {
  return tensor.dtype === "float32" || tensor.dtype === "bfloat16";
}

export function isOfShape({ shape }: Tensor, expected: readonly number[]): boolean {
  return shape.length === expected.length && shape.every((size, i) => size === expected[i]);
}

/** For messages. */
export function describeTensors(tensors: readonly Tensor[]): string {
  const each = tensors.map(({ dtype, shape }) => `${dtype} [${shape.join(", ")}]`);
  return each.join(" and ") || "nothing";
}

/** The numbers of a float32 tensor as they are, or those of a bfloat16 tensor: each is the upper half of a float32. */
export function widened(tensor: FloatTensor): Float32Array {
  const { dtype, data } = tensor;
  if (dtype === "float32") return data;
  const bits = new Uint32Array(data.length);
  for (let i = 0; i < data.length; i++) bits[i] = data[i] << 16;
  return new Float32Array(bits.buffer);
}
