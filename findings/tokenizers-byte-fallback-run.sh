#!/bin/sh
# One would guess: byte tokens that hold one whole character and the first byte of another decode to
# the character and one replacement character, as in sentencepiece, whose format this is.
# What happens: ByteFallback decodes a run of byte tokens as a whole. One byte that does not fit
# turns every byte of the run into a replacement character, the whole character's bytes included.
# Who is hurt: whoever shows text that is cut or revealed in any order (streaming, diffusion): whole
# characters vanish until the last byte of the run is there.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
python3 -m venv "$directory/venv"
"$directory/venv/bin/pip" install --quiet --disable-pip-version-check \
  tokenizers==0.23.3 sentencepiece==0.2.3
"$directory/venv/bin/python" - <<'PYTHON'
import io
import sys

import sentencepiece
import tokenizers
from tokenizers import decoders

file = io.BytesIO()
sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter(["a b c d"] * 10), model_writer=file, model_type="bpe",
    vocab_size=300, hard_vocab_limit=False, byte_fallback=True, minloglevel=2,
)
processor = sentencepiece.SentencePieceProcessor(model_proto=file.getvalue())
fallback = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])

print("tokenizers", tokenizers.__version__, "sentencepiece", sentencepiece.__version__)
seen = []
for encoded in ("\u4f60\u597d".encode(), "\u4f60".encode() + "\u597d".encode()[:1]):
    pieces = [f"<0x{byte:02X}>" for byte in encoded]
    texts = fallback.decode(pieces), processor.decode_pieces(pieces)
    print(*pieces, "tokenizers", ascii(texts[0]), "sentencepiece", ascii(texts[1]))
    seen.append(texts)
whole, cut = seen
sys.exit(whole != ("\u4f60\u597d",) * 2 or cut != ("\ufffd" * 4, "\u4f60\ufffd"))
PYTHON
