"""Every key of the manifest does something: without it, something fails or is built otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml
from airbyte_cdk.sources.declarative.concurrent_declarative_source import (
    ConcurrentDeclarativeSource,
)
from airbyte_cdk.sources.declarative.models import CustomErrorHandler
from airbyte_cdk.sources.declarative.parsers.manifest_component_transformer import (
    ManifestComponentTransformer,
)
from airbyte_cdk.sources.declarative.parsers.manifest_reference_resolver import (
    ManifestReferenceResolver,
)
from airbyte_cdk.sources.declarative.parsers.model_to_component_factory import (
    ModelToComponentFactory,
)
from airbyte_cdk.sources.declarative.requesters.paginators import Paginator

import source_asana
from source_asana.http.auth import authenticator
from source_asana.source import SourceAsana
from unit_tests import given

CODE = Path(source_asana.__file__).parent
TOKEN = {"option_title": "PAT Credentials", "personal_access_token": "token"}
APP = {
    "option_title": "OAuth Credentials",
    "client_id": "12",
    "client_secret": "secret",
    "refresh_token": "refresh",
}
PRINTED = ("connection_specification", "documentation_url", "advanced_auth")
# The CDK adds it at some components where it is missing; a reader should not need to know which.
GUESSED = "type"

Keys = tuple[str | int, ...]
Manifest = Mapping[str, Any]


# ── keys ────────────────────────────────────────────────────────────────────────────────────────


def manifest() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((CODE / "manifest.yaml").read_text("utf-8"))
    return found


def keys_in(node: Any, above: Keys = ()) -> Iterator[Keys]:
    """Yield where each key of each mapping is."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        if isinstance(node, dict):
            yield (*above, key)
        if isinstance(value, dict | list):
            yield from keys_in(value, (*above, key))


def without(node: Any, keys: Keys) -> Any:
    """Return a copy without one key, which shares all else with the original."""
    first, *rest = keys
    if not rest:
        return {key: value for key, value in node.items() if key != first}
    copy = node.copy()
    copy[first] = without(node[first], tuple(rest))
    return copy


# ── what is built ───────────────────────────────────────────────────────────────────────────────


def described(component: Any) -> Any:
    """Return what a component is made of, in plain values."""
    found: Any = component
    if isinstance(component, Paginator):
        found = list(paged(component))
    elif isinstance(component, Enum):
        found = component.value
    elif is_dataclass(component):
        names = [one.name for one in fields(component) if one.name not in {"config", "parameters"}]
        made = {name: described(getattr(component, name, None)) for name in names}
        found = type(component), made
    elif isinstance(component, Mapping):
        found = {key: described(value) for key, value in component.items()}
    elif isinstance(component, list | tuple):
        found = [described(one) for one in component]
    elif not isinstance(component, str | int | float | set | None):
        found = type(component)
    return found


def paged(paginator: Paginator) -> Iterator[Any]:
    """Yield what a paginator asks for, and which page it takes for the next."""
    yield dict(paginator.get_request_params(next_page_token=None))
    for data in ([{"gid": "1"}], []):
        for following in (None, {"offset": "abc"}):
            answer = given.answer(200, {"data": data, "next_page": following})
            token = paginator.next_page_token(answer, len(data), None, None)
            yield dict(paginator.get_request_params(next_page_token=token)) if token else None


def resolved(made: Manifest) -> dict[str, Any]:
    """Return a manifest as the CDK resolves it."""
    found = ManifestReferenceResolver().preprocess_manifest(made)
    return ManifestComponentTransformer().propagate_types_and_parameters("", found, {})


def stream(made: Manifest, index: int, needs: set[str]) -> Any:
    """Return what a stream is made of.

    Args:
        made: the manifest.
        index: which of its streams.
        needs: the definitions that it refers to.
    """
    entry = made["streams"][index]
    name = entry["$ref"].rpartition("/")[2]
    definitions = {one: node for one, node in made["definitions"].items() if one in needs}
    definitions["streams"] = {name: made["definitions"]["streams"][name]}
    one = resolved({"type": made["type"], "definitions": definitions, "streams": [entry]})
    source: Any = SimpleNamespace(resolved_manifest=one)
    [(said, retriever)] = SourceAsana._retrievers(source, {"credentials": TOKEN}).items()
    return said, described(retriever)


def signing(made: Manifest) -> Any:
    """Return what signs requests, by the kind of the credentials."""
    small = {name: node for name, node in made["definitions"].items() if name != "streams"}
    one = resolved({"type": made["type"], "definitions": small})
    client = given.client()
    token = authenticator(one, {"credentials": TOKEN}, client)
    app: Any = authenticator(one, {"credentials": APP}, client)
    return (
        token.get_auth_header(),
        app.get_token_refresh_endpoint(),
        app.build_refresh_request_body(),
        described(app.error_handler),
    )


def judging(made: Manifest) -> Any:
    """Return what judges answers."""
    node = made["definitions"]["error_handler"]
    return described(ModelToComponentFactory().create_component(CustomErrorHandler, node, {}))


# Definitions that Python takes by their names, as all streams share them.
SHARED = {"authenticator": signing, "error_handler": judging}


def spec(made: Manifest) -> Any:
    """Return what `spec` prints, as it is; `test_run.py` compares that with the CDK's reading."""
    return [made["spec"][key] for key in PRINTED]


# ── the key that does nothing ───────────────────────────────────────────────────────────────────


class Builds:
    """Compares what manifests without a key make with what the whole one makes."""

    def __init__(self) -> None:
        """Build everything once."""
        self.whole = manifest()
        self._definitions: Manifest = self.whole["definitions"]
        self.names = [one["$ref"].rpartition("/")[2] for one in self.whole["streams"]]
        self._needs = [set(self._reached(one)) for one in self.whole["streams"]]
        self._streams = [stream(self.whole, *one) for one in enumerate(self._needs)]
        self._shared = {name: make(self.whole) for name, make in SHARED.items()}
        self._spec = spec(self.whole)

    def _reached(self, node: Any) -> Iterator[str]:
        """Yield the definitions that a node refers to, directly or not."""
        nodes = list(node.values()) if isinstance(node, dict) else node
        for one in nodes if isinstance(nodes, list) else []:
            if isinstance(one, str) and one.startswith("#/definitions/"):
                name, *below = one.removeprefix("#/definitions/").split("/")
                yield name
                target = self._definitions[name]
                yield from self._reached(target[below[0]] if below else target)
            else:
                yield from self._reached(one)

    def act(self, keys: Keys) -> bool:
        """Return whether anything fails or changes without a key."""
        rest = without(self.whole, keys)
        try:
            if any(made(rest) != before for made, before in self._affected(keys)):
                return True
            ConcurrentDeclarativeSource(None, None, None, source_config=rest)
        except Exception:  # noqa: BLE001  # whatever it is, the key is missed
            return True
        return False

    def _affected(self, keys: Keys) -> Iterator[tuple[Callable[[Manifest], Any], Any]]:
        """Yield what may be made otherwise without a key, and what it is with it."""
        top, *below = keys
        if top == "spec":
            yield spec, self._spec
        for name, make in SHARED.items() if top == "definitions" else ():
            if not below or below[0] in {name, *self._reached(self._definitions[name])}:
                yield make, self._shared[name]
        if top in {"definitions", "streams"}:
            for index, before in enumerate(self._streams):
                if self._is_affected(index, top, below):
                    yield partial(stream, index=index, needs=self._needs[index]), before

    def _is_affected(self, index: int, top: str | int, below: list[str | int]) -> bool:
        if top == "streams":
            return below[:1] in ([], [index])
        if below[:1] == ["streams"]:
            return below[1:2] in ([], [self.names[index]])
        return not below or below[0] in self._needs[index]


def test_each_key_acts() -> None:
    builds = Builds()
    every = [keys for keys in keys_in(builds.whole) if keys[-1] != GUESSED]

    assert ["/".join(map(str, keys)) for keys in every if not builds.act(keys)] == []


def test_a_dead_key_is_found() -> None:
    builds = Builds()
    at: Keys = ("definitions", "streams", "tasks", "retriever")
    builds.whole = deepcopy(builds.whole)
    builds.whole["definitions"]["streams"]["tasks"]["retriever"]["serach"] = "/tasks"
    builds.whole["definitions"]["unused"] = {"type": "NoPagination"}

    assert builds.act((*at, "partition_router"))
    assert not builds.act((*at, "serach"))
    assert not builds.act(("definitions", "unused"))
