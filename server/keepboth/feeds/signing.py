"""Signatures of webhooks, as Standard Webhooks 1.0.0 has them: HMAC-SHA256 over id, time and body."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

from keepboth.errors import InvalidRequest

PREFIX: Final = "whsec_"
MIN_BYTES: Final = 24
MAX_BYTES: Final = 64


def new_secret(random: bytes) -> str:
    """A secret of *random* bytes, in its written form."""
    return PREFIX + base64.b64encode(random).decode()


def key_of(secret: str) -> bytes:
    """The key that a written secret stands for. Raises InvalidRequest."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not MIN_BYTES <= len(key) <= MAX_BYTES:
        raise InvalidRequest(
            f"a secret is {PREFIX} and base64 of {MIN_BYTES} to {MAX_BYTES} random bytes", field="secret"
        )
    return key


def signature(secret: str, id: str, timestamp_s: int, body: bytes) -> str:
    """One signature of ``<id>.<timestamp>.<body>``."""
    signed = f"{id}.{timestamp_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key_of(secret), signed, hashlib.sha256)).decode()


def headers(secrets: Iterable[str], id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """What a delivery carries: a signature for each secret, so that a receiver may change to a new one in its time."""
    return {
        "webhook-id": id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(signature(secret, id, timestamp_s, body) for secret in secrets),
    }
