"""This module finds the tensors of a Hugging Face directory and reads them a few rows at a time.

So a network's parameters are filled from the files without a second copy of anything large.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from torch import Tensor

from remdm_backend.checkpoint.config_record import mapping
from remdm_backend.checkpoint.contents import invalid
from remdm_backend.checkpoint.huggingface_files import PICKLED, weight_files
from remdm_backend.checkpoint.safetensors_file import tensor_parts, tensor_shapes
from remdm_backend.checkpoint.stored_tensor import StoredTensor
from remdm_backend.checkpoint.torch_archive import TorchArchive

BUFFER = ".rotary_emb.inv_freq"
"""The end of names that older versions of transformers wrote; the config says as much."""


class SafetensorsFile:
    """Tensors of one ``.safetensors`` file: their ``shapes``, and the numbers of one in parts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.shapes = tensor_shapes(path)

    def parts(self, name: str) -> Iterator[Tensor]:
        return tensor_parts(self._path, name)


class PickledFile:
    """The same of one ``.bin`` file of ``torch.save``, read as data."""

    def __init__(self, path: Path) -> None:
        self._archive = TorchArchive(path)
        root = mapping(self._archive.root)
        if root is None:
            raise invalid(path, "it does not hold tensors by their names")
        self._tensors: dict[str, StoredTensor] = {
            name: self._archive.tensor(value, name) for name, value in root.items()
        }
        self.shapes = {name: tensor.shape for name, tensor in self._tensors.items()}

    def parts(self, name: str) -> Iterator[Tensor]:
        return self._archive.parts(self._tensors[name])


class PublishedWeights:
    """All tensors of ``path``, a directory or a file of weights in it.

    ``shapes`` by name, without the rotary frequencies, which a config makes superfluous, unless
    ``rotary`` asks for them; ``files``, and ``size``, their bytes; ``place``: what errors about
    several tensors name. Raises ``BackendError``; ``OSError`` if a file is unreadable.
    """

    def __init__(self, path: Path, *, rotary: bool = False) -> None:
        found = weight_files(path, pickled=True)
        files = {
            file: PickledFile(file) if file.suffix == PICKLED else SafetensorsFile(file)
            for file in found.files
        }
        self._files = {
            name: (place, files[place])
            for name, place in found.places(lambda file: files[file].shapes).items()
            if rotary or not name.endswith(BUFFER)
        }
        self.shapes = {name: file.shapes[name] for name, (_, file) in self._files.items()}
        self.files = found.files
        self.size = found.size
        self.place = found.files[0] if found.index is None else found.index

    def file_of(self, name: str) -> Path:
        """Return the file that holds a tensor."""
        return self._files[name][0]

    def parts(self, name: str) -> Iterator[Tensor]:
        """Give the numbers of a tensor in order, as stored, in parts of any shape; a part is good
        until the next one. Raises ``BackendError`` if the bytes are damaged."""
        return self._files[name][1].parts(name)
