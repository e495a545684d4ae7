"""How the documentation is built: ``make docs``."""

from __future__ import annotations

from typing import Any

import kernel_server

project = "koalab"
author = "The koalab authors"
copyright = "2026, The koalab authors"
version = release = kernel_server.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
language = "en"

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"koalab {release}"
html_show_sourcelink = False
# Its pages may name magics and commands that no lexer knows; a warning is an error here.
highlight_language = "python"


def shallow_sidebar(app: Any, _page: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    """The sidebar shows titles alone, and yet each page would copy every heading of all others for it."""
    toctree = context.get("toctree")

    def shallow(**options: Any) -> Any:
        whole = app.env.metadata
        app.env.metadata = {page: {**facts, "tocdepth": 2} for page, facts in whole.items()}
        try:
            return toctree(**options)
        finally:
            app.env.metadata = whole

    if toctree is not None:
        context["toctree"] = shallow


def setup(app: Any) -> None:
    app.connect("html-page-context", shallow_sidebar, priority=400)  # the theme makes the sidebar at 500
