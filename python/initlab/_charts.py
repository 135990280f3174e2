"""Charts and pages as notebooks show them."""

from __future__ import annotations

import html
import os
import re
from pathlib import Path
from typing import Iterator, Sequence, Union, overload


class Charts(Sequence[tuple[str, str]]):
    """Charts as (title, SVG), shown below each other in a notebook."""

    def __init__(self, charts: list[tuple[str, str]]) -> None:
        self._charts = charts

    def __len__(self) -> int:
        return len(self._charts)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._charts)

    @overload
    def __getitem__(self, at: int) -> tuple[str, str]: ...

    @overload
    def __getitem__(self, at: slice) -> Charts: ...

    def __getitem__(self, at: Union[int, slice]) -> Union[tuple[str, str], Charts]:
        return Charts(self._charts[at]) if isinstance(at, slice) else self._charts[at]

    def __repr__(self) -> str:
        return "\n".join([f"<initlab.Charts, {len(self)}>", *(f"  {title}" for title, _ in self._charts)])

    def _repr_html_(self) -> str:
        figure = '<figure style="margin:0 0 1em"><figcaption>{}</figcaption>{}</figure>'
        # Identities within a drawing must differ from those of its neighbours.
        drawn = (apart(svg, f"c{abs(hash((title, i)))}") for i, (title, svg) in enumerate(self._charts))
        return "".join(figure.format(html.escape(title), svg) for (title, _), svg in zip(self._charts, drawn))

    def save(self, directory: Union[str, "os.PathLike[str]"]) -> list[Path]:
        """Writes each chart as an SVG file into ``directory``."""
        place = Path(directory)
        place.mkdir(parents=True, exist_ok=True)
        paths = []
        for i, (title, svg) in enumerate(self._charts):
            name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:80]
            path = place / f"{i + 1:02}-{name}.svg"
            path.write_text(svg, encoding="utf-8")
            paths.append(path)
        return paths


def apart(svg: str, prefix: str) -> str:
    """The drawing with identities of its own, so that several stand on one page; without the heading of a file."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', svg)
    svg = re.sub(r'\burl\(#([^)]+)\)', rf"url(#{prefix}-\1)", svg)
    return re.sub(r'href="#([^"]+)"', rf'href="#{prefix}-\1"', svg)


def framed(page: str, height: int = 640) -> str:
    """A page in a frame of its own, whose styles and scripts touch nothing else."""
    return (
        f'<iframe srcdoc="{html.escape(page, quote=True)}" sandbox="allow-scripts" loading="lazy" '
        f'style="width:100%;height:{height}px;border:1px solid #8884"></iframe>'
    )
