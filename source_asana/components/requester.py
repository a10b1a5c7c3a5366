"""Composes requests: path, parameters and headers as the manifest says; `http.attempts` sends them.

The CDK renders every template with Jinja at each request and parses the result as Python, which
takes a third of a request's CPU. Templates that only name a field of the slice are filled in here;
the CDK renders all others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import InitVar, dataclass
from typing import Any, TypeGuard

import requests
from airbyte_cdk.sources.declarative.decoders import Decoder
from airbyte_cdk.sources.declarative.requesters import HttpRequester
from airbyte_cdk.sources.declarative.requesters.request_options import (
    InterpolatedRequestOptionsProvider,
)
from airbyte_cdk.sources.types import StreamSlice, StreamState
from typing_extensions import override

from source_asana.http.attempts import Counter, body_of, send
from source_asana.http.client import Client

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
class BodyDecoder(Decoder):
    """Hands on the body that was parsed when the answer came, where the CDK would parse again."""

    config: Mapping[str, Any]
    parameters: InitVar[Mapping[str, Any]]

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        """Take nothing from the parameters."""

    @override
    def is_stream_response(self) -> bool:
        return False

    @override
    def decode(self, response: requests.Response) -> Any:
        yield body_of(response)


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
        self._client: Client | None = None
        self._counts: Counter | None = None
        self._params = plain_templates(self.request_parameters)
        self._headers = plain_templates(self.request_headers)
        self._plain_path = PlainTemplate(self.path) if PlainTemplate.is_plain(self.path) else None

    def bind(self, client: Client, counts: Counter) -> None:
        """Take the HTTP client, and the counter of the stream's requests."""
        self._client, self._counts = client, counts

    @override
    def send_request(
        self,
        stream_state: StreamState | None = None,
        stream_slice: StreamSlice | None = None,
        next_page_token: Mapping[str, Any] | None = None,
        path: str | None = None,
        request_headers: Mapping[str, Any] | None = None,
        request_params: Mapping[str, Any] | None = None,
        request_body_data: Mapping[str, Any] | str | None = None,
        request_body_json: Mapping[str, Any] | None = None,
        log_formatter: Callable[[requests.Response], Any] | None = None,
    ) -> requests.Response:
        """Return the answer to a GET, its body parsed.

        Raises:
            Refused, OffsetExpired, SyncTokenExpired, PartitionFailed: what the answer means for
                this partition.
            AirbyteTracedException: a config error that ends the sync.
        """
        assert self._client is not None
        assert self._counts is not None
        params: dict[str, Any] = {
            **self.get_request_params(stream_slice=stream_slice, next_page_token=next_page_token),
            **(request_params or {}),
        }
        headers = {
            **self.get_request_headers(stream_slice=stream_slice, next_page_token=next_page_token),
            **(request_headers or {}),
        }
        path = path or self.get_path(stream_slice=stream_slice)
        return send(self._client, path, counts=self._counts, params=params, headers=headers)

    @override
    def get_path(
        self,
        *,
        stream_state: StreamState | None = None,
        stream_slice: StreamSlice | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> str:
        if self._plain_path is None:
            return super().get_path(stream_slice=stream_slice, next_page_token=next_page_token)
        return self._plain_path.fill(stream_slice)

    @override
    def get_request_params(
        self,
        *,
        stream_state: StreamState | None = None,
        stream_slice: StreamSlice | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> MutableMapping[str, Any]:
        """Return the parameters; one without a value is left out, as in the CDK."""
        if self._params is None:
            return super().get_request_params(
                stream_slice=stream_slice, next_page_token=next_page_token
            )
        return _filled(self._params, stream_slice)

    @override
    def get_request_headers(
        self,
        *,
        stream_state: StreamState | None = None,
        stream_slice: StreamSlice | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        if self._headers is None:
            return super().get_request_headers(
                stream_slice=stream_slice, next_page_token=next_page_token
            )
        return _filled(self._headers, stream_slice)


def _filled(templates: Mapping[str, PlainTemplate], slice_: StreamSlice | None) -> dict[str, Any]:
    values = {name: template.fill(slice_) for name, template in templates.items()}
    return {name: value for name, value in values.items() if value}
