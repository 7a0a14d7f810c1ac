"""lockgate docs: the documents that came with this version, as pages of this machine alone."""

from __future__ import annotations

from pathlib import Path

import click

from lockgate.base.errors import UsageError
from lockgate.cli.say import say


@click.command("docs")
@click.argument("page", default="index")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="On 127.0.0.1; 0 takes one that is free.")
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), help="Write the pages there; serve nothing."
)
@click.option("--open/--no-open", "browse", default=True, help="Open a browser at PAGE.")
def command(page: str, port: int, output: Path | None, browse: bool) -> int:
    """The documents of this version, offline: served to this machine until Ctrl-C, or written to a folder.

    PAGE is a document's name (start, ci, faq) or a rule's code or name (T201).
    """
    from lockgate.report import manual

    name = manual.name_of(page)
    if name is None:
        raise UsageError(f"no such page: {page}", f"one of: {', '.join(sorted(manual.documents()))}; or a rule")
    if output is not None:
        written = manual.write(output)
        say(f"{written} pages in {output}; begin with {output / 'index.html'}")
        return 0
    with manual.serving(port) as server:
        address = f"http://127.0.0.1:{server.server_address[1]}/{name}.html"
        say(f"{address} (until Ctrl-C)")
        if browse:
            import webbrowser

            webbrowser.open(address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("")
    return 0
