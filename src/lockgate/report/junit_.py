"""JUnit XML: one test case per migration, failed where it has findings at or over the threshold."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import defaultdict

from lockgate.api import Report
from lockgate.base.findings import Finding
from lockgate.base.text import clean_xml


def render(report: Report) -> str:
    """A test suite."""
    by_path: dict[str, list[Finding]] = defaultdict(list)
    if report.folder is not None:
        for migration in report.folder.migrations:
            by_path[migration.up.source.path] = []
    for item in report.findings:
        by_path[item.at.source.path].append(item)
    failures = sum(any(f.severity.rank >= report.fail_on.rank for f in found) for found in by_path.values())
    suite = ET.Element("testsuite", name="lockgate", tests=str(len(by_path)), failures=str(failures), errors="0")
    homes = _homes(report)
    for path, found in sorted(by_path.items()):
        case = ET.SubElement(suite, "testcase", classname=homes.get(path, "lockgate"), name=clean_xml(path))
        bad = [f for f in found if f.severity.rank >= report.fail_on.rank]
        if bad:
            failure = ET.SubElement(case, "failure", message=clean_xml(bad[0].message), type=bad[0].rule)
            failure.text = "\n".join(_line(f) for f in bad)
        rest = [f for f in found if f not in bad]
        if rest:
            ET.SubElement(case, "system-out").text = "\n".join(_line(f) for f in rest)
    stopped = [one for one in report.histories if one.error is not None]
    for one in stopped:
        case = ET.SubElement(suite, "testcase", classname="lockgate", name=clean_xml(one.name))
        ET.SubElement(case, "error", message=clean_xml(str(one.error)))
    suite.set("tests", str(len(by_path) + len(stopped)))
    suite.set("errors", str(len(stopped)))
    ET.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suite, encoding="unicode") + "\n"


def _homes(report: Report) -> dict[str, str]:
    """The class of each file's test case, where there are several histories: the history's name."""
    out: dict[str, str] = {}
    for one in report.histories:
        folder = one.report.folder if one.report is not None else None
        for migration in folder.migrations if folder is not None else ():
            out[migration.up.source.path] = f"lockgate.{clean_xml(one.name)}"
    return out


def _line(item: Finding) -> str:
    start = item.at.source.position(item.at.span.start)
    return clean_xml(
        f"{item.at.source.path}:{start.line}:{start.column}: {item.severity.value} [{item.rule}] {item.message}"
    )
