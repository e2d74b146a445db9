/** Asks the backend for the text of a chat, which the checkpoint's chat template makes. */
import type { TokenId } from "../sampler/denoiser.ts";
import type { Transport } from "./connection/transport.ts";
import { ProtocolError } from "./errors.ts";
import type { RenderedReply, Reply } from "./wire/protocol.ts";
import { describeTensors } from "./wire/tensors.ts";

/** One turn of a chat. */
export interface ChatMessage {
  /** Who speaks: `user`, `assistant` or `system`, or what else the template knows. Not empty. */
  readonly role: string;
  readonly content: string;
}

export interface RenderedChat {
  readonly text: string;
  /** The tokens that end an answer, by the configs of the model. */
  readonly endIds: readonly TokenId[];
}

/**
 * Renders a chat up to the place where the answer begins.
 * @param variables JSON that the template is given beside the messages.
 * @throws BackendError `template_missing`, `template_invalid` or `template_failed`; AbortedError.
 */
export async function renderChat(
  transport: Transport,
  messages: readonly ChatMessage[],
  variables: Readonly<Record<string, unknown>>,
  signal: AbortSignal | undefined,
): Promise<RenderedChat> {
  const data = new TextEncoder().encode(JSON.stringify({ messages, variables }));
  const chat = { dtype: "uint8", shape: [data.length], data } as const;
  const { tensors } = await transport.call({ type: "render" }, [chat], isRendered, { signal });
  const [text, ends] = tensors;
  if (tensors.length === 2 && text.dtype === "uint8" && ends.dtype === "int32") {
    return { text: new TextDecoder().decode(text.data), endIds: Array.from(ends.data) };
  }
  throw new ProtocolError(
    `A chat was answered with ${describeTensors(tensors)} instead of uint8 and int32`,
  );
}

function isRendered(reply: Reply): reply is RenderedReply {
  return reply.type === "rendered";
}
