"""Masks the secrets of the configuration in everything that is printed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from airbyte_cdk.utils.airbyte_secrets_utils import update_secrets

# A text of six characters is no secret, and masking it would blur ordinary words.
SHORTEST_SECRET = 7

_SECRETS: set[str] = set()


def register_secrets(config: Mapping[str, Any]) -> None:
    """Have every string under `credentials` masked, whatever its key is; drop earlier ones."""
    _SECRETS.clear()
    texts = [text.strip() for text in _strings(config.get("credentials"))]
    mask(*(text for text in texts if not re.fullmatch(r"(PAT|OAuth) Credentials", text)))


def mask(*secrets: str) -> None:
    """Have these texts masked in everything that is printed.

    The CDK replaces one after the other, so the longest come first: Asana's OAuth tokens contain
    the client's id, and a token in which only the id was masked would no longer be found.
    """
    _SECRETS.update(secret for secret in secrets if len(secret) >= SHORTEST_SECRET)
    update_secrets(sorted(_SECRETS, key=len, reverse=True))


def _strings(value: Any) -> Sequence[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in _strings(item)]
    return []
