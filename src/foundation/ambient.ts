/**
 * Declares the types that our declarations name and that a consumer's `lib` may lack, so that they
 * compile without `@types/node`, from `lib: ["es2022"]` on. Where the library or Node's types
 * declare these too, the declarations merge.
 */
declare global {
  interface AbortSignal {
    readonly aborted: boolean;
  }
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol;
  }
  interface AsyncDisposable {
    [Symbol.asyncDispose](): PromiseLike<void>;
  }
}

export {};
