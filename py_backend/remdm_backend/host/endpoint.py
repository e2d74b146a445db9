"""This module claims the socket's path: nobody else owns it, and it goes when we go.

ZeroMQ alone would silently take a path over that another server listens on, and delete any file.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import zmq

from remdm_backend.errors import BackendError
from remdm_backend.log import log

SCHEME = "ipc://"
MAX_PATH_BYTES = 103 if os.uname().sysname == "Darwin" else 107
"""``sun_path`` without its terminating zero."""
LOCK_SECONDS = 5.0


class Endpoint:
    def __init__(self, address: str, *, own_directory: bool) -> None:
        """Check ``address`` as far as that goes without touching anything; BackendError otherwise.

        ``own_directory``: its directory was made for this server alone and is to go with it.
        """
        self.address = address
        self.path = _path_of(address)
        self._own_directory = own_directory
        self._identity: tuple[int, int] | None = None
        self._lock = threading.Lock()
        _check_directory(self.path.parent, private=own_directory)

    def bind(self, router: zmq.Socket[bytes]) -> None:
        """Bind; only the user may connect. Reuses the path of a server that was killed."""
        with self._lock, _exclusive(self.path.parent):
            _clear(self.path)
            umask = os.umask(0o177)
            try:
                router.bind(self.address)
            except zmq.ZMQError as error:
                raise _invalid(
                    f"Cannot listen on {self.path}: {error.strerror}.",
                    "Choose a path in a directory that you can write to.",
                ) from error
            finally:
                os.umask(umask)
            self._identity = _identity(self.path)

    def remove(self) -> None:
        """Remove what ``bind`` made, and only that. From any thread, any number of times."""
        with self._lock:
            with contextlib.suppress(FileNotFoundError):  # ZeroMQ removes it when the socket closes
                if self._identity is not None and _identity(self.path) == self._identity:
                    self.path.unlink()
            if self._own_directory:
                try:
                    self.path.parent.rmdir()
                except FileNotFoundError:
                    return
                except OSError as error:
                    log(f"left {self.path.parent}: {error.strerror}")


def _path_of(address: str) -> Path:
    if address.startswith("tcp://"):
        raise _invalid(
            "tcp:// is not supported by this version: an open port needs CURVE keys.",
            "Use ipc://PATH; to reach another machine, forward the socket with `ssh -L`.",
        )
    name = address.removeprefix(SCHEME)
    if not address.startswith(SCHEME) or not name:
        raise _invalid(f"{address!r} is not an ipc:// address.", "Use ipc://PATH.")
    if name.startswith(("@", "*")):
        raise _invalid(
            f"{address!r} names no file, so file permissions cannot protect it.",
            "Use ipc://PATH with a path in a directory of yours.",
        )
    if len(os.fsencode(name)) > MAX_PATH_BYTES:
        raise _invalid(
            f"The socket path is {len(os.fsencode(name))} bytes long, the system takes "
            f"{MAX_PATH_BYTES}: {name}",
            "Choose a shorter path, for example in /tmp.",
        )
    return Path(name)


def _check_directory(directory: Path, *, private: bool) -> None:
    if not directory.is_dir():
        raise _invalid(f"{directory} is not a directory.", "Create it, or choose another path.")
    status = directory.stat()
    if private and (status.st_uid != os.geteuid() or status.st_mode & 0o077):
        raise _invalid(
            f"{directory} can be entered by other users.",
            "With --own-directory, give a new directory with mode 0700.",
        )


def _clear(path: Path) -> None:
    """Make ``path`` free: nothing there, or the socket of a server that is gone (removed)."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise _invalid(
            f"{path} exists and is not a socket.", "Remove it yourself, or choose another path."
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except FileNotFoundError:
            return
        except BlockingIOError:
            pass  # its queue of connections is full: somebody listens
        except OSError as error:
            raise _invalid(
                f"{path} is a socket that cannot be used: {error.strerror}.",
                "Choose another path.",
            ) from error
    raise BackendError(
        "endpoint_busy",
        f"Another server listens on {path}.",
        "Connect to it, stop it, or choose another path.",
    )


@contextlib.contextmanager
def _exclusive(directory: Path) -> Iterator[None]:
    """Lock ``directory`` between servers.

    Two of them must not both find the same stale socket: the second would remove the first's new
    one. The lock is on the directory because that leaves no file behind.
    """

    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise BackendError(
                        "endpoint_busy",
                        f"Another process holds a lock on {directory}.",
                        "Try again, or choose a path in another directory.",
                    ) from None
                time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def _identity(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return (status.st_dev, status.st_ino)


def _invalid(message: str, remedy: str) -> BackendError:
    return BackendError("endpoint_invalid", message, remedy)
