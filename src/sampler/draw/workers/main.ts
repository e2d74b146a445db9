/** Runs in a worker thread: draws the pieces that it is sent. */
import { PieceDrawer } from "./piece.ts";
import { SharedRows } from "./sharedRows.ts";
import { workerThreads } from "./thread.ts";

const { parentPort, workerData } = workerThreads();
const shared = new SharedRows(workerData as SharedArrayBuffer);
const drawer = new PieceDrawer(shared);
parentPort?.on("message", (piece) => drawer.draw(piece));
shared.begin();
