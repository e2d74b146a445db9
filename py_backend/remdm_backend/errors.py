"""This module defines the error type of the backend, whose code travels over the wire unchanged."""

from __future__ import annotations


class BackendError(Exception):
    """A failure that a user can act on.

    ``code`` is one of the wire codes (``checkpoint_missing``, ``checkpoint_invalid``,
    ``checkpoint_unsupported``, ``device_unavailable``, ``out_of_memory``, ...), ``message`` says
    what is wrong and where, ``remedy`` what to do about it.
    """

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}"

    def __reduce__(self) -> tuple[type[BackendError], tuple[str, str, str]]:
        """Survive a trip between processes (an engine may live in a Ray actor)."""
        return (BackendError, (self.code, self.message, self.remedy))


class NoRoomError(BackendError):
    """Refused before anything was tried: what does not fit now may fit another time."""

    def __init__(self, error: BackendError) -> None:
        super().__init__(error.code, error.message, error.remedy)


class RequestError(BackendError):
    """A message that is not a valid request; ``request_id`` is None when it could not be read."""

    def __init__(
        self,
        request_id: int | None,
        message: str,
        remedy: str = "Use the SDK and the backend of the same release.",
    ) -> None:
        super().__init__("request_invalid", message, remedy)
        self.request_id = request_id
