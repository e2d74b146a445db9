import { RemdmError, type RemdmErrorCode } from "../sampler/errors.ts";

/** A tokenizer cannot be read, or does not belong to the model. */
export class TokenizerError extends RemdmError {
  override readonly name = "TokenizerError";

  constructor(
    code: Extract<RemdmErrorCode, `tokenizer_${string}`>,
    message: string,
    remedy: string,
    cause?: unknown,
  ) {
    super(message, { code, remedy, cause });
  }
}
