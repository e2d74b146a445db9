/** Recordings of published samplers on the hash network (`test/golden/peers/README.md`). */
import { join } from "node:path";
import { readRecording, type PeerCase } from "../../../examples/parity/peers/recordings.ts";
import { packageRoot } from "../../../src/foundation/packageRoot.ts";

/** @param name of the file, without `.json`. */
export function peerCases(name: string): readonly PeerCase[] {
  return readRecording(join(packageRoot, "test", "golden", "peers", `${name}.json`)).cases;
}
