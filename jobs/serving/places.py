"""Places for callers: one is taken before a request's body is read, so that no crowd fills the memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jobs.runtime.settings import Serve
from jobs.serving.responses import refused

if TYPE_CHECKING:
    from starlette.types import Message, Receive


class Place:
    """A caller's place, and the bytes that he has sent so far."""

    def __init__(self, places: "Places") -> None:
        self.places, self.size = places, 0

    def counted(self, receive: "Receive") -> "Receive":
        """The same body, no longer read where it is too large, whatever the request says of its length."""

        async def receive_counted() -> "Message":
            message = await receive()
            self.hold(len(message.get("body", b"")))
            return message

        return receive_counted

    def hold(self, size: int) -> None:
        """Count more bytes.

        Raises:
            Refused: They are more than a request may have, or than all callers together may.
        """
        self.size += size
        self.places.size += size
        limits = self.places.limits
        if self.size > limits.largest_upload:
            raise refused(413, f"the request is larger than {limits.largest_upload:,} bytes")
        if self.places.size > limits.largest_waiting:
            raise refused(503, "the callers that are waiting have sent too much: try again in a few seconds")


class Places:
    """All who wait for an answer: how many they are, and how many bytes they have sent.

    Args:
        limits: How many of both there may be.
    """

    def __init__(self, limits: Serve) -> None:
        self.limits, self.callers, self.size = limits, 0, 0

    @contextmanager
    def take(self) -> Iterator[Place]:
        """A place until the end of the block.

        Raises:
            Refused: All are taken.
        """
        if self.callers >= self.limits.most_waiting:
            raise refused(503, f"{self.callers} callers are waiting: try again in a few seconds")
        place = Place(self)
        self.callers += 1
        try:
            yield place
        finally:
            self.callers -= 1
            self.size -= place.size
