"""Write the small tokenizers of this folder: ``make.py``, with tokenizers 0.23.3,
sentencepiece 0.2.3 and protobuf 7.36.2.

Each has the published pipeline of its family (normalizer, pre-tokenizer, kind of model and its
flags, post-processor, decoder, added tokens) around a vocabulary that is trained here on the
Shakespeare of the examples and ``languages.txt``. The character map that the normalizers of T5,
XLM-RoBERTa and ALBERT have in common is a file of its own, since it has 240 KB. Equal counts get
other ids from run to run.
"""

from __future__ import annotations

import gzip
import io
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

HERE = Path(__file__).parent
CORPUS = HERE.parents[2] / "examples" / "data" / "shakespeare.txt"
LANGUAGES = (HERE / "languages.txt").read_text("utf-8").splitlines()

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
LLADA = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
)
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
CHARACTER_MAP = "nmt_nfkc.charsmap.gz"

Part = dict[str, Any]


def byte_level(prefix: bool = False, trim: bool = True, regex: bool = True) -> Part:
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": trim,
            "use_regex": regex}  # fmt: skip


def split(pattern: str, behavior: str = "Isolated", invert: bool = False) -> Part:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior, "invert": invert}


def replace(pattern: str, content: str) -> Part:
    return {"type": "Replace", "pattern": {"String": pattern}, "content": content}


def sequence(kind: str, *parts: Part) -> Part:
    return {"type": "Sequence", kind: list(parts)}


METASPACE: Part = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always",
                   "split": True}  # fmt: skip
WORDS_OF_PIECES = sequence("pretokenizers", {"type": "WhitespaceSplit"}, METASPACE)
PRECOMPILED: Part = {"type": "Precompiled", "precompiled_charsmap": CHARACTER_MAP}


def added(content: str, **flags: bool) -> Part:
    return {"content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": True, **flags}  # fmt: skip


def template(ids: Mapping[str, int], *order: str) -> Part:
    """Of one text, ``A``, between special tokens."""
    single = [
        {"Sequence": {"id": "A", "type_id": 0}} if name == "A"
        else {"SpecialToken": {"id": name, "type_id": 0}}
        for name in order
    ]  # fmt: skip
    names = [name for name in order if name != "A"]
    special = {name: {"id": name, "ids": [ids[name]], "tokens": [name]} for name in names}
    return {"type": "TemplateProcessing", "single": single, "pair": [*single, *single],
            "special_tokens": special}  # fmt: skip


def bert(lowercase: bool) -> Part:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return {
        "added_tokens": [added(token) for token in special],
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                       "strip_accents": None, "lowercase": lowercase},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "template": ["[CLS]", "A", "[SEP]"],
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100},
    }  # fmt: skip


def unigram(special: Sequence[Part], order: Sequence[str], normalizer: Part) -> Part:
    return {
        "added_tokens": special,
        "normalizer": normalizer,
        "pre_tokenizer": WORDS_OF_PIECES,
        "template": order,
        "decoder": METASPACE,
        "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": False},
    }


BPE: Part = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
             "ignore_merges": False}  # fmt: skip
EMPTY = {"continuing_subword_prefix": "", "end_of_word_suffix": ""}
END = added("<|endoftext|>")

FAMILIES: Mapping[str, Part] = {
    "gpt2": {
        "added_tokens": [added("<|endoftext|>", normalized=True)],
        "pre_tokenizer": byte_level(),
        "post_processor": byte_level(prefix=True, trim=False),
        "decoder": byte_level(prefix=True),
        "model": {**BPE, **EMPTY},
    },
    "roberta": {
        "added_tokens": [
            *(added(token, normalized=True) for token in ("<s>", "<pad>", "</s>", "<unk>")),
            added("<mask>", lstrip=True),
        ],
        "pre_tokenizer": byte_level(),
        "roberta": True,
        "decoder": byte_level(prefix=True),
        "model": {**BPE, **EMPTY},
    },
    "llama3": {
        "added_tokens": [added("<|begin_of_text|>"), added("<|end_of_text|>")],
        "pre_tokenizer": sequence("pretokenizers", split(LLAMA3), byte_level(regex=False)),
        "template": ["<|begin_of_text|>", "A"],
        "decoder": byte_level(prefix=True),
        "model": {**BPE, "ignore_merges": True},
    },
    "llada": {
        "added_tokens": [added("<|startoftext|>"), END, added("<|mdm_mask|>")],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": sequence("pretokenizers", split(LLADA), byte_level(regex=False)),
        "post_processor": byte_level(prefix=True, trim=False),
        "decoder": byte_level(prefix=True),
        "model": BPE,
    },
    "qwen2": {
        "added_tokens": [END, added("<|im_start|>"), added("<|im_end|>"), added("<|mask|>")],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": sequence(
            "pretokenizers", split(QWEN2), byte_level(trim=False, regex=False)
        ),
        "post_processor": byte_level(trim=False, regex=False),
        "decoder": byte_level(trim=False, regex=False),
        "model": {**BPE, **EMPTY},
    },
    "bert-cased": bert(lowercase=False),
    "bert-uncased": bert(lowercase=True),
    "modernbert": {
        "added_tokens": [
            *(added(" " * n, normalized=True, special=False) for n in range(24, 1, -1)),
            added("|||EMAIL_ADDRESS|||", normalized=True, special=False),
            added("<|padding|>"), END, added("[UNK]"), added("[CLS]"), added("[SEP]"),
            added("[PAD]"), added("[MASK]", lstrip=True),
        ],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": byte_level(),
        "template": ["[CLS]", "A", "[SEP]"],
        "decoder": byte_level(),
        "model": BPE,
    },
    "t5": unigram(
        [added("<unk>"), added("<pad>"), added("</s>"),
         *(added(f"<extra_id_{n}>") for n in range(10))],
        ["A", "</s>"],
        PRECOMPILED,
    ),
    "xlm-roberta": unigram(
        [added("<unk>"), added("<s>"), added("<pad>"), added("</s>"), added("<mask>", lstrip=True)],
        ["<s>", "A", "</s>"],
        PRECOMPILED,
    ),
    "albert": unigram(
        [added("<unk>"), added("<pad>"), added("[CLS]"), added("[SEP]"),
         added("[MASK]", lstrip=True)],
        ["[CLS]", "A", "[SEP]"],
        sequence("normalizers", replace("``", '"'), replace("''", '"'), {"type": "NFKD"},
                 {"type": "StripAccents"}, {"type": "Lowercase"}, PRECOMPILED),
    ),
    "llama2": {
        "added_tokens": [added("<unk>"), added("<s>"), added("</s>")],
        "normalizer": sequence(
            "normalizers", {"type": "Prepend", "prepend": "▁"}, replace(" ", "▁")
        ),
        "template": ["<s>", "A"],
        "decoder": sequence("decoders", replace("▁", " "), {"type": "ByteFallback"},
                            {"type": "Fuse"},
                            {"type": "Strip", "content": " ", "start": 1, "stop": 0}),
        "model": {**BPE, "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True},
        "trained_by": METASPACE,
    },
    "clip": {
        "added_tokens": [added("<|startoftext|>", normalized=True), END],
        "normalizer": sequence(
            "normalizers",
            {"type": "NFC"},
            {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
            {"type": "Lowercase"},
        ),
        "pre_tokenizer": sequence(
            "pretokenizers", split(CLIP, "Removed", invert=True), byte_level()
        ),
        "template": ["<|startoftext|>", "A", "<|endoftext|>"],
        "decoder": {"type": "BPEDecoder", "suffix": "</w>"},
        "model": {**BPE, "unk_token": "<|endoftext|>", "continuing_subword_prefix": "",
                  "end_of_word_suffix": "</w>"},
    },
}  # fmt: skip


def trainer_of(kind: str, suffix: str | None, special: Sequence[str]) -> trainers.Trainer:
    if kind == "Unigram":
        return trainers.UnigramTrainer(
            vocab_size=900, special_tokens=list(special), unk_token="<unk>", show_progress=False
        )
    if kind == "WordPiece":
        return trainers.WordPieceTrainer(
            vocab_size=1200, special_tokens=list(special), show_progress=False
        )
    return trainers.BpeTrainer(
        vocab_size=1200,
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        **({"end_of_word_suffix": suffix} if suffix else {}),
    )


def characters() -> bytes:
    """What sentencepiece compiles of its rule nmt_nfkc, which needs a model to be trained."""
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghij", k=chance.randint(1, 6))) for _ in range(4000)]
    lines = [" ".join(words[i : i + 20]) for i in range(0, len(words), 20)]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, vocab_size=60,
        normalization_rule_name="nmt_nfkc", minloglevel=2,
    )  # fmt: skip
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model.getvalue())
    return bytes(proto.normalizer_spec.precompiled_charsmap)


def trained(spec: Part, corpus: Sequence[str]) -> Part:
    """The vocabulary: special tokens first, then the bytes where the model falls back to them."""
    model: Part = spec["model"]
    special = [token["content"] for token in spec["added_tokens"] if token["special"]]
    if model.get("byte_fallback"):
        special += [f"<0x{byte:02X}>" for byte in range(256)]
    empty = {"BPE": models.BPE, "WordPiece": models.WordPiece, "Unigram": models.Unigram}
    tokenizer = Tokenizer(empty[model["type"]]())
    pipeline = json.loads(tokenizer.to_str())
    pipeline["pre_tokenizer"] = spec.get("trained_by", spec.get("pre_tokenizer"))
    tokenizer = Tokenizer.from_str(json.dumps(pipeline))
    suffix = model.get("end_of_word_suffix")
    tokenizer.train_from_iterator(corpus, trainer_of(model["type"], suffix, special))
    fields: Part = json.loads(tokenizer.to_str())["model"]
    return {**fields, **model}


def whole(spec: Part, corpus: Sequence[str]) -> Part:
    tokens = Tokenizer.from_str(json.dumps({"version": "1.0", "model": trained(spec, corpus)}))
    ids = dict(tokens.get_vocab())
    for token in spec["added_tokens"]:
        ids.setdefault(token["content"], len(ids))
    post = spec.get("post_processor")
    if "template" in spec:
        post = template(ids, *spec["template"])
    if "roberta" in spec:
        post = {"type": "RobertaProcessing", "sep": ["</s>", ids["</s>"]],
                "cls": ["<s>", ids["<s>"]], "trim_offsets": True,
                "add_prefix_space": False}  # fmt: skip
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": ids[token["content"]], **token} for token in spec["added_tokens"]],
        "normalizer": spec.get("normalizer"),
        "pre_tokenizer": spec.get("pre_tokenizer"),
        "post_processor": post,
        "decoder": spec["decoder"],
        "model": json.loads(tokens.to_str())["model"],
    }


def write(name: str, content: bytes) -> None:
    (HERE / name).write_bytes(gzip.compress(content, 9, mtime=0))


def main() -> None:
    lines = [*CORPUS.read_text().splitlines(), *LANGUAGES * 40]
    write(CHARACTER_MAP, characters())
    for name, spec in FAMILIES.items():
        text = json.dumps(whole(spec, lines), ensure_ascii=False, separators=(",", ":"))
        write(f"{name}.json.gz", text.encode())


if __name__ == "__main__":
    main()
