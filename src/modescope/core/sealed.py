"""JSON that carries its own checksum."""

__all__ = ["seal_fits", "sealed"]

import hashlib
import json
from collections.abc import Mapping
from typing import Any

KEY, LENGTH = b'"checksum": "', 64


def sealed(data: Mapping[str, Any], indent: int = 1) -> str:
    """JSON text whose last entry is the SHA-256 of all its other bytes.

    Arguments:
        data: A JSON object; an entry ``checksum`` in it is replaced.
        indent: The depth of a level.
    """
    rest = {key: value for key, value in data.items() if key != "checksum"}
    head, key, tail = json.dumps({**rest, "checksum": ""}, indent=indent).encode().rpartition(KEY)
    tail += b"\n"
    return (head + key + digest(head + key + tail) + tail).decode()


def seal_fits(content: bytes) -> bool:
    """Whether the content of a file is, to the bit, what :func:`sealed` made."""
    head, key, tail = content.rpartition(KEY)
    return tail[:LENGTH] == digest(head + key + tail[LENGTH:])


def digest(content: bytes) -> bytes:
    """The SHA-256, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest().encode()
