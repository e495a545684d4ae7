"""Checks the shape of the packages: no folder of more than 20 modules, no class name twice in one package.

python scripts/check_structure.py [ROOT]
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("koalab", "kernel_server")
MOST_MODULES = 20


def modules(package: Path) -> list[Path]:
    """The modules of a package, without those that are generated."""
    return sorted(file for file in package.rglob("*.py") if "_pb2" not in file.name)


def crowded_folders(package: Path) -> Iterator[str]:
    """A complaint for each folder of too many modules; ``__init__.py`` is the folder itself and does not count."""
    counts: dict[Path, int] = defaultdict(int)
    for file in modules(package):
        counts[file.parent] += file.name != "__init__.py"
    for folder, count in sorted(counts.items()):
        if count > MOST_MODULES:
            yield f"{folder}: {count} modules in one folder, at most {MOST_MODULES} are allowed: divide it"


def repeated_classes(package: Path) -> Iterator[str]:
    """A complaint for each class whose name, but for a leading underscore, another class of the package has."""
    first: dict[str, str] = {}
    for file in modules(package):
        for node in _classes(ast.parse(file.read_text(encoding="utf-8"))):
            name, place = node.name.lstrip("_"), f"{file}:{node.lineno}"
            if name in first:
                yield f"{place}: class {node.name} is also at {first[name]}: a name stands for one thing"
            first.setdefault(name, place)


def _classes(node: ast.AST) -> Iterator[ast.ClassDef]:
    """The classes within; a class is a statement, so no expression is looked into."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield child
        if not isinstance(child, ast.expr):
            yield from _classes(child)


def main(root: Path) -> int:
    """Prints the complaints about the packages in ``root``; 1 if there are any, else 0."""
    found = [
        complaint
        for package in PACKAGES
        for check in (crowded_folders, repeated_classes)
        for complaint in check(root / package)
    ]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent))
