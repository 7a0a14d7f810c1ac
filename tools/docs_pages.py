"""What mkdocs adds to docs/: the pages that lie elsewhere in the tree (security, every rule)."""

from __future__ import annotations

from typing import Any

from lockgate.report import manual


def on_files(files: Any, config: Any) -> Any:
    """The files of docs/ and ours."""
    from mkdocs.structure.files import File

    texts = {"SECURITY.md": manual.documents()["SECURITY"], "rulebook.md": manual.rulebook()}
    texts |= {f"rules/{name}.md": text for name, text in manual.rules().items()}
    for path, text in texts.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """SECURITY.md lies beside the other pages here."""
    return markdown.replace("(../SECURITY.md", "(SECURITY.md").replace("(docs/", "(")
