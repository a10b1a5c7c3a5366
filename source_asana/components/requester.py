"""What is sent: path, parameters and headers as the manifest says.

How long it is tried is said in `attempts`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass
from typing import Any

import requests
from airbyte_cdk.sources.declarative.decoders import Decoder
from airbyte_cdk.sources.declarative.requesters import HttpRequester
from airbyte_cdk.sources.declarative.requesters.request_options import (
    InterpolatedRequestOptionsProvider,
)
from airbyte_cdk.sources.types import StreamSlice, StreamState
from typing_extensions import override

from source_asana.components.attempts import body_of, send
from source_asana.components.runtime import Runtime


@dataclass
class BodyDecoder(Decoder):
    """Hands on the body that was parsed when the answer came.

    The CDK's JsonDecoder would parse it again.
    """

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
    """Sends one request of a stream through the shared session, budget and authenticator."""

    request_parameters: Mapping[str, Any] | None = None
    request_headers: Mapping[str, Any] | None = None

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        """Build what the CDK builds for a stock requester from the same two keys."""
        self.request_options_provider = InterpolatedRequestOptionsProvider(
            config=self.config,
            parameters=parameters,
            request_parameters=self.request_parameters,
            request_headers=self.request_headers,
        )
        super().__post_init__(parameters)
        self.runtime: Runtime | None = None

    def bind(self, runtime: Runtime) -> None:
        """Take what all streams share."""
        self.runtime = runtime

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
        assert self.runtime is not None
        url = self.runtime.settings.api_url + "/" + self._path_of(stream_slice, path)
        params: dict[str, Any] = {
            **self.get_request_params(stream_slice=stream_slice, next_page_token=next_page_token),
            **(request_params or {}),
        }
        headers = {
            **self.get_request_headers(stream_slice=stream_slice, next_page_token=next_page_token),
            **(request_headers or {}),
        }
        return send(self.runtime, url, stream=self.name, params=params, headers=headers)

    def _path_of(self, stream_slice: StreamSlice | None, path: str | None) -> str:
        return (path or self.get_path(stream_slice=stream_slice)).lstrip("/")
