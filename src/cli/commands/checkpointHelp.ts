/** What `--checkpoint` takes, for every command's help. */
import { BUNDLED_NAMES, PUBLISHED_NAMES } from "../../checkpoints/published.ts";

export const CHECKPOINT_HELP = `${BUNDLED_NAMES.join(", ")} (bundled); ${PUBLISHED_NAMES.join(", ")} (published, to be downloaded first); a .ckpt or .safetensors file; or a directory`;
