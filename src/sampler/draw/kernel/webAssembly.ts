/**
 * Declares the parts of the WebAssembly interface that are used here. The library's types for it
 * come with a browser's types, which would declare much that Node does not have.
 */
interface WebAssemblyHost {
  validate(bytes: Uint8Array): boolean;
  readonly Module: new (bytes: Uint8Array) => WebAssemblyModule;
  readonly Instance: new (module: WebAssemblyModule, imports: object) => WebAssemblyInstance;
}

declare const compiled: unique symbol;

export interface WebAssemblyModule {
  readonly [compiled]: never;
}

export interface WebAssemblyInstance {
  readonly exports: unknown;
}

/** Undefined where the host has none: Node with `--jitless`, for one. */
export const webAssembly = (globalThis as { readonly WebAssembly?: WebAssemblyHost }).WebAssembly;
