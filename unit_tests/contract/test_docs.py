"""The documentation says what the connector does: generated parts, links, versions."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import airbyte_cdk
import pytest
import yaml

from source_asana import SourceAsana
from source_asana.fields.schemas import load_schema
from tools import docs, licences
from tools.versions import versions

ROOT = Path(__file__).parents[2]
CDK = Path(airbyte_cdk.__file__).parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*/README.md")])
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")
NAMED = re.compile(r"`((?:\w+/)*\w+\.py)(?:: ([\w.]+))?`")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
CODE = re.compile(r"^ *```shell\n(.*?)```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)*/[\w-]+\.(?:json|md|py|sql|toml|ya?ml)")


@pytest.fixture(scope="module")
def source() -> SourceAsana:
    return SourceAsana()


def test_generated_parts_are_current(source: SourceAsana) -> None:
    old = [p.name for p, text in docs.generated(source).items() if p.read_text("utf-8") != text]
    assert not old, "run `make docs`"


def test_the_number_of_streams_is_right_where_it_is_said(source: SourceAsana) -> None:
    number = str(len(docs.streams(source)))
    for page in ("README.md", "docs/design.md"):
        said = re.findall(
            r"(\d+) (?:streams|files that are\s+generated)", (ROOT / page).read_text("utf-8")
        )
        assert set(said) == {number}, page


def test_facts_are_about_streams_that_exist(source: SourceAsana) -> None:
    names = {stream.name for stream in docs.streams(source)}
    assert {*docs.PLANS, *docs.SCOPES, *docs.COSTS} <= names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    missing = [link for link in LINK.findall(page.read_text("utf-8")) if not _exists(page, link)]
    assert not missing


CONTAINER = re.compile(r"\b(?:docker|podman)(?: container)? (?:run|create) [^\n`]+")


def unsafe(command: str) -> list[str]:
    """Return what is wrong with a command that runs the image.

    The image's own user cannot read files that only the user of the host can. Rootless podman calls
    that user root, unless it keeps the ID.
    """
    words = shlex.split(re.sub(r" (--[\w-]+)=", r" \1 ", command), comments=True)
    options = list(pairwise(words))
    wrong = []
    if ("--user", "$(id -u):$(id -g)") not in options:
        wrong.append("not as the user of the host")
    if words[0] == "podman" and ("--userns", "keep-id") not in options:
        wrong.append("not with the user's ID")
    mounts = [value for name, value in options if name in ("-v", "--volume", "--mount")]
    return [*wrong, *(one for one in mounts if not one.endswith((":ro", ",readonly")))]


def test_containers_run_as_the_user_of_the_host_who_can_read_the_mounted_files() -> None:
    commands = [
        command
        for page in PAGES
        for command in CONTAINER.findall(page.read_text("utf-8").replace("\\\n", " "))
    ]
    assert {command.split()[0] for command in commands} == {"docker", "podman"}
    assert {command: unsafe(command) for command in commands if unsafe(command)} == {}


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ('docker run --user "$(id -u):$(id -g)" -v "$PWD/a b:/a:ro" image read', 0),
        ('docker run --user "$(id -u):$(id -g)" --volume=$PWD/a:/a image read', 1),
        ('docker run --user "$(id -u):$(id -g)" -v a:/a:ro -v b:/b image', 1),
        ("docker run --user 1000:1000 -v a:/a:ro image", 1),
        ('podman run --user "$(id -u):$(id -g)" --mount type=bind,src=a,dst=/a image', 2),
        ("podman run --userns=keep-id -v a:/a:ro image", 1),
    ],
)
def test_an_unsafe_command_is_found(command: str, wrong: int) -> None:
    assert len(unsafe(command)) == wrong


def _exists(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    return target.exists() and (not anchor or anchor in _anchors(target))


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, made the way that code hosts make them."""
    return {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in HEADING.findall(page.read_text("utf-8"))
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_name_targets_programs_and_files_that_exist(page: Path) -> None:
    code = "\n".join(block or span for block, span in CODE.findall(page.read_text("utf-8")))
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    called = {
        name
        for line in re.findall(r"(?:^|[;&] *|[A-Z_]+=\S+ )make ((?:[a-z]+ ?)+)", code, re.MULTILINE)
        for name in line.split()
    }
    modules = re.findall(r"python3? -m ([\w.]+)", code)
    # What the user brings or a command before makes, and files of Airbyte's repository.
    named = [name for name in FILE.findall(code) if not name.startswith(("secrets/", "../"))]
    folders = (ROOT, ROOT / "source_asana", page.parent, CDK.parent)
    assert not called - targets
    assert not [
        name
        for name in modules
        if not any(
            (ROOT / name.replace(".", "/")).with_suffix(suffix).exists() for suffix in ("", ".py")
        )
    ]
    assert not [name for name in named if not any((one / name).exists() for one in folders)]


def test_the_messages_to_look_up_are_those_of_the_code() -> None:
    page = (ROOT / "docs" / "asana.md").read_text("utf-8")
    table = page.partition("| Message | What to do |")[2].partition("\n\n")[0]
    cells = re.findall(r"^\| ([A-Z][^|]+) \|", table, re.MULTILINE)
    files = (ROOT / "source_asana").rglob("*.*")
    code = "".join(path.read_text("utf-8") for path in files if path.suffix in {".py", ".yaml"})
    code = re.sub(r"""["']\s*\n\s*f?["']""", "", code).replace("\\'", "'")
    parts = [part.strip() for cell in cells for part in re.split(r"…|, or | or |, ", cell)]
    assert cells
    assert not [part for part in parts if part not in code]


# Airbyte's template of a source's page, in its order; None stands for headings of our own.
TEMPLATE = (
    "Asana",
    "Prerequisites",
    "Setup guide",
    "Set up Asana",
    None,
    "Set up the Asana connector in Airbyte",
    "For Airbyte Cloud:",
    "For Airbyte Open Source:",
    None,
    "Supported sync modes",
    "Supported Streams",
    "IP allow list",
    "Performance considerations",
    "Data type map",
    "Limitations & Troubleshooting",
    None,
    "Changelog",
)


def test_the_page_for_users_follows_airbytes_template() -> None:
    headings = HEADING.findall((ROOT / "docs" / "asana.md").read_text("utf-8"))
    found = [heading if heading in TEMPLATE else None for heading in headings]
    runs = [one for at, one in enumerate(found) if one is not None or found[at - 1] is not None]
    assert tuple(runs) == TEMPLATE


def test_the_page_in_airbytes_form_is_the_setup_guide() -> None:
    page = (ROOT / "docs" / "asana.md").read_text("utf-8")
    shown = re.sub(r"<HideInUI>.*?</HideInUI>", "", page, flags=re.DOTALL)
    assert "HideInUI" not in shown
    assert HEADING.findall(shown) == HEADING.findall(page.partition("\n### Configuration")[0])


def test_the_page_for_users_is_short() -> None:
    lines = (ROOT / "docs" / "asana.md").read_text("utf-8").splitlines()
    prose = " ".join(line for line in lines if not line.startswith("|"))
    assert len(prose.split()) <= 2500


FOR_USERS = (
    *("README.md", "docs/asana.md", "docs/freshness.md", "docs/custom-fields.md", "docs/dbt.md"),
    *("docs/destinations.md", "docs/migrate.md", "docs/airbyte-cloud.md", "docs/bulk-export.md"),
    *("docs/operate.md", "docs/how-to.md", "docs/demo.md", "docs/live.md"),
)
# Of all these pages, without tables and code.
MOST_WORDS = 7800
# Words that have a common one in their place, and forms that American pages do not have.
UNUSUAL = re.compile(
    r"\b(anew|at once|besides|the like|let go|vanished|departed|hangs? on|licence|behaviour"
    r"|colour|\d{4,} requests|ids?)\b|\d %",
)


def test_pages_for_users_are_short_together() -> None:
    text = "\n".join((ROOT / page).read_text("utf-8") for page in FOR_USERS)
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    prose = [line for line in text.splitlines() if not line.startswith("|")]
    assert len(" ".join(prose).split()) <= MOST_WORDS


@pytest.mark.parametrize("page", FOR_USERS)
def test_pages_for_users_are_in_plain_words(page: str) -> None:
    text = (ROOT / page).read_text("utf-8").partition("| Message | What to do |")[0]
    text = re.sub(r"<!--[^>]*begin.*?<!--[^>]*end[^>]*-->", "", text, flags=re.DOTALL)
    text = re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)", "", text, flags=re.DOTALL)
    assert [found[0] for found in UNUSUAL.finditer(text)] == []


def test_no_paragraph_stands_on_two_pages() -> None:
    found: dict[str, list[str]] = {}
    for page in sorted((ROOT / "docs").glob("*.md")):
        for paragraph in re.split(r"\n{2,}", page.read_text("utf-8")):
            text = " ".join(paragraph.split())
            if len(text.split()) >= 12 and not text.startswith(("```", "|", "<!--")):
                found.setdefault(text, []).append(page.name)
    assert {text: names for text, names in found.items() if len(names) > 1} == {}


def test_every_address_on_the_page_for_users_is_a_link() -> None:
    # Airbyte's check opens them all: an example of an address would be a broken one.
    page = (ROOT / "docs" / "asana.md").read_text("utf-8")
    assert re.findall(r"https?://\S+", page) == re.findall(r"(?<=\]\()https?://\S+", page)


@pytest.mark.parametrize("page", ["docs/design.md", "docs/internals/cdk.md", "CONTRIBUTING.md"])
def test_named_code_exists(page: str) -> None:
    named = NAMED.findall((ROOT / page).read_text("utf-8"))
    unknown = [
        (file, name)
        for file, name in named
        if (path := _module(file)) is None or (name and name not in _defined(path))
    ]
    assert named
    assert not unknown


def _module(file: str) -> Path | None:
    """Return a module that a page names: the connector's, the repository's, or the CDK's."""
    paths = (ROOT / "source_asana" / file, ROOT / file, CDK.parent / file)
    return next((path for path in paths if path.exists()), None)


def _defined(path: Path) -> set[str]:
    """Return what a module defines: `name`, and `Class.name` of what a class does."""
    return set(_names(ast.parse(path.read_text("utf-8")).body, ""))


def _names(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield prefix + node.name
        if isinstance(node, ast.ClassDef):
            yield from _names(node.body, f"{prefix}{node.name}.")
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        yield from (prefix + one.id for one in targets if isinstance(one, ast.Name))


def test_the_first_screen_says_that_no_live_workspace_was_read() -> None:
    screen = " ".join((ROOT / "README.md").read_text("utf-8").splitlines()[:25])
    assert "has not been run against a live workspace yet" in screen
    assert "`make live`" in screen
    assert "**Status: alpha.**" in screen


def test_it_is_alpha_until_a_live_workspace_was_read() -> None:
    is_live = "has not been run against" not in (ROOT / "README.md").read_text("utf-8")
    stage = yaml.safe_load((ROOT / "metadata.yaml").read_text("utf-8"))["data"]["releaseStage"]
    assert versions()["pyproject.toml"].startswith("0.") is not is_live
    assert (stage == "alpha") is not is_live


def test_what_is_posted_is_said() -> None:
    posts = (ROOT / "SECURITY.md").read_text("utf-8").partition("\n- Tokens")[0]
    assert "`bulk_export`" in posts


# Names of columns, and of fields inside them, that identify people.
PERSONAL = re.compile(
    r"mail|photo|picture|avatar|phone|address|user_agent|saml|vacation|birth|gender|locale|latitude"
)


def test_columns_that_identify_people_are_listed() -> None:
    section = (ROOT / "SECURITY.md").read_text("utf-8").partition("## Personal data")[2]
    listed = set(re.findall(r"`(\w+(?:\.\w+)+)`", section.partition("\n\n- ")[0]))
    streams = {path.stem for path in (ROOT / "source_asana" / "schemas").glob("*.json")}
    paths = {path for stream in streams for path in _paths(load_schema(stream), stream)}
    personal = {path for path in paths if PERSONAL.search(path.rpartition(".")[2])}
    assert len(personal) > 10
    assert not personal - listed
    assert not listed - paths
    named = set(re.findall(r"`(\w+)`", section.partition("| IDs and names")[0]))
    assert named <= streams


def _paths(schema: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """Return `stream.column.field` of all columns of a schema and all fields in them."""
    for name, part in schema.get("properties", {}).items():
        yield f"{prefix}.{name}"
        yield from _paths(part, f"{prefix}.{name}")
    if isinstance(items := schema.get("items"), Mapping):
        yield from _paths(items, prefix)


def test_no_page_sends_readers_to_another_connector() -> None:
    # The source of this name in Airbyte's registry is Airbyte's own.
    pages = {page.name: page.read_text("utf-8") for page in PAGES}
    steps = re.compile(r"^\d\. .*\bselect Asana\b", re.MULTILINE)
    assert [name for name, text in pages.items() if steps.search(text)] == []
    assert [name for name, text in pages.items() if "install airbyte-source-asana" in text] == []


def test_versions_agree() -> None:
    found = versions()
    assert set(found.values()) == {found["pyproject.toml"]}, found


def test_licences_of_all_dependencies_are_listed() -> None:
    assert licences.main(["--check"]) == 0, "run `make release`"


def test_nothing_imports_the_package_under_the_gpl() -> None:
    # As docs/licences.md says.
    packages = (CDK, ROOT / "source_asana")
    text = "\n".join(p.read_text("utf-8") for folder in packages for p in folder.rglob("*.py"))
    assert re.search(r"^\s*(?:import|from) anyascii\b", text, re.MULTILINE)
    assert not re.search(r"^\s*(?:import|from) unidecode\b", text, re.MULTILINE)
