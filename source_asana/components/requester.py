"""Composes requests: path, parameters and headers as the manifest says; `http.attempts` sends them.

The CDK renders every template with Jinja at each request and parses the result as Python, which
takes a third of a request's CPU. Templates that only name a field of the slice are filled in here;
the CDK renders all others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

import requests
from airbyte_cdk.sources.declarative.requesters import HttpRequester
from airbyte_cdk.sources.declarative.requesters.request_options import (
    InterpolatedRequestOptionsProvider,
)
from airbyte_cdk.sources.types import StreamSlice

from source_asana.counts import Counts
from source_asana.http.attempts import send
from source_asana.http.client import Client
from source_asana.parents.slices import Slice

FIELD = re.compile(r"\{\{ stream_(partition|interval)\.(\w+) \}\}")


class PlainTemplate:
    """A template of constant text and fields of the slice, filled in without Jinja."""

    def __init__(self, template: str) -> None:
        """Take a template that `is_plain`."""
        texts = FIELD.split(template)
        # Text, then by threes: partition or interval, the field's name, text.
        self._first = texts[0]
        self._rest = list(zip(texts[1::3], texts[2::3], texts[3::3], strict=True))

    @staticmethod
    def is_plain(template: Any) -> TypeGuard[str]:
        """Return whether nothing in a template needs Jinja."""
        return isinstance(template, str) and "{" not in FIELD.sub("", template)

    def fill(self, slice_: StreamSlice | None) -> str:
        """Return the text for a slice; a missing field is empty."""
        if not self._rest:
            return self._first
        partition = slice_.partition if slice_ else {}
        interval = slice_.cursor_slice if slice_ else {}
        found = [self._first]
        for where, name, text in self._rest:
            value = (partition if where == "partition" else interval).get(name)
            found += ("" if value is None else str(value), text)
        return "".join(found)


def plain_templates(templates: Mapping[str, Any] | None) -> dict[str, PlainTemplate] | None:
    """Return the templates of parameters or headers by name, None if one of them needs Jinja."""
    if not all(map(PlainTemplate.is_plain, (templates or {}).values())):
        return None
    return {name: PlainTemplate(template) for name, template in (templates or {}).items()}


@dataclass
class AsanaRequester(HttpRequester):
    """Sends one request of a stream through the shared session, budget and authenticator.

    Attributes:
        request_parameters: query parameters; `{{ stream_partition.x }}` and
            `{{ stream_interval.since }}` are filled from the slice, and one without a value is left
            out.
        request_headers: headers, likewise.
    """

    request_parameters: Mapping[str, Any] | None = None
    request_headers: Mapping[str, Any] | None = None

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        """Build what the CDK builds for a stock requester from the two keys of the manifest."""
        self.request_options_provider = InterpolatedRequestOptionsProvider(
            config=self.config,
            parameters=parameters,
            request_parameters=self.request_parameters,
            request_headers=self.request_headers,
        )
        super().__post_init__(parameters)
        self._params = plain_templates(self.request_parameters)
        self._headers = plain_templates(self.request_headers)
        self._plain_path = PlainTemplate(self.path) if PlainTemplate.is_plain(self.path) else None

    def bind(self, client: Client, counts: Counts) -> None:
        """Take the HTTP client, and the counter of the stream's requests."""
        self._client, self._counts = client, counts

    def ask(
        self, slice_: Slice | None, params: Mapping[str, Any], path: str | None = None
    ) -> requests.Response:
        """Return the answer to a GET, its body parsed.

        Args:
            slice_: fills the manifest's templates.
            params: further query parameters.
            path: in place of the manifest's.

        Raises:
            Refused, OffsetExpired, SyncTokenExpired, PartitionFailed: what the answer means for
                this partition.
            AirbyteTracedException: a config error that ends the sync.
        """
        if path is None:
            plain = self._plain_path
            path = plain.fill(slice_) if plain else self.get_path(stream_slice=slice_)
        return send(
            self._client,
            path,
            counts=self._counts,
            params={**self._own_params(slice_), **params},
            headers=self.headers(slice_),
        )

    def _own_params(self, slice_: Slice | None) -> Mapping[str, Any]:
        """Return the manifest's parameters; one without a value is left out, as in the CDK."""
        if self._params is None:
            return self.get_request_params(stream_slice=slice_)
        return _filled(self._params, slice_)

    def headers(self, slice_: Slice | None = None) -> dict[str, Any]:
        """Return the manifest's headers."""
        if self._headers is None:
            return dict(self.get_request_headers(stream_slice=slice_))
        return _filled(self._headers, slice_)


def _filled(templates: Mapping[str, PlainTemplate], slice_: StreamSlice | None) -> dict[str, Any]:
    values = {name: template.fill(slice_) for name, template in templates.items()}
    return {name: value for name, value in values.items() if value}
