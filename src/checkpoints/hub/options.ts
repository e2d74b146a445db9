/** The options of `downloadCheckpoint` for a model of the Hugging Face hub. */
import type { PaceOptions } from "../downloadOptions.ts";

export interface HubDownloadOptions extends PaceOptions {
  /**
   * A branch, a tag, or the 40 digits of a commit, which always means the same files. Default
   * `main`.
   */
  readonly revision?: string;
  /**
   * The directory of a cache, which Python's huggingface_hub may share. Default: `HF_HUB_CACHE`,
   * else `hub` in `HF_HOME`, else `huggingface/hub` in the user's cache.
   */
  readonly dir?: string;
  /** Fetches the files although they are there. Default false. */
  readonly force?: boolean;
  /**
   * The user's token, for private and gated models; false for none. Default: `HF_TOKEN`, else the
   * file `HF_TOKEN_PATH`, else `token` in `HF_HOME`, where `hf auth login` writes it.
   */
  readonly token?: string | false;
  /** The http(s) address of the hub. Default: `HF_ENDPOINT`, else https://huggingface.co. */
  readonly endpoint?: string;
}
