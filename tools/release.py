"""Build wheel and sdist into dist/ and list the licences: `python -m tools.release`.

Refuses where the versions do not agree, or the wheel lacks or has what it should not. `make
release` also builds the image.
"""

import sys
import zipfile
from pathlib import Path

from poetry.core.masonry import api

from tools import licences
from tools.versions import ROOT, versions

DIST = ROOT / "dist"
DEVELOPMENT = ("sandbox/", "tools/", "unit_tests/", "integration_tests/", "benchmarks/")


def problems(wheel: Path) -> list[str]:
    """Return what is wrong with a wheel."""
    names = zipfile.ZipFile(wheel).namelist()
    wanted = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "source_asana").rglob("*")
        if path.suffix in {".py", ".json", ".yaml"}
    ]
    missing = [f"{name} is missing in the wheel" for name in wanted if name not in names]
    alien = [f"{name} does not belong into it" for name in names if name.startswith(DEVELOPMENT)]
    return missing + alien


def main() -> int:
    """Build; return the process exit code."""
    found = versions()
    if len(set(found.values())) != 1:
        for place, version in found.items():
            sys.stderr.write(f"{place}: {version or 'no version'}\n")
        sys.stderr.write("The versions do not agree.\n")
        return 1
    licences.main([])
    DIST.mkdir(exist_ok=True)
    wheel, sdist = api.build_wheel(str(DIST)), api.build_sdist(str(DIST))
    for line in (wrong := problems(DIST / wheel)):
        sys.stderr.write(f"{line}\n")
    sys.stdout.write(f"dist/{wheel}\ndist/{sdist}\ndocs/licences.md\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
