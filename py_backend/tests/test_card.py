"""The card on the wire is made from the one definition, and has the fields of the schema."""

from __future__ import annotations

from fake_backend import FakeCard

from remdm_backend.model.card import wire_record
from remdm_backend.wire.schemas import read_schema


def test_the_wire_record_has_the_fields_of_the_schema() -> None:
    schema = read_schema("reply")["definitions"]["ModelCard"]
    assert set(wire_record(FakeCard(block_length=4))) == set(schema["properties"])
    assert set(wire_record(FakeCard())) == set(schema["required"])


def test_the_wire_record_keeps_the_values() -> None:
    record = wire_record(FakeCard(n_blocks=3, vocab_size=9, subs_masking=True))
    assert (record["blocks"], record["vocabSize"], record["subsMasking"]) == (3, 9, True)
