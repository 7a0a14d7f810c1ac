"""How much of a report people want to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec

from lockgate.api import Report


class Amount(msgspec.Struct, frozen=True):
    """``quiet``: findings alone; ``verbose``: every reason; ``statistics``: how many findings each rule has;
    ``most``: findings that are told, 0 for all."""

    quiet: bool = False
    verbose: bool = False
    statistics: bool = False
    most: int = 0

    def left(self, findings: int) -> Iterator[str]:
        """How many of so many findings are not told."""
        more = findings - self.most if self.most else 0
        if more > 0:
            yield f"{more} more finding{'s' if more > 1 else ''}; --max-findings 0 tells all"

    def counts(self, report: Report) -> Iterator[str]:
        """The findings of each rule, the most frequent first."""
        if self.statistics:
            found = Counter((f.rule, f.name, f.severity.value) for f in report.findings)
            for (rule, name, severity), count in sorted(found.items(), key=lambda item: (-item[1], item[0])):
                yield f"{count:>6}  {rule}  {name} ({severity})"
