"""Every key of ``lockgate.toml``, typed and described, and every environment variable that is read.

The descriptions are all that ``lockgate explain configuration``, docs/configuration.md, the schema that editors complete
from and the errors tell.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class Migrations(msgspec.Struct, frozen=True):
    """Where migrations lie and how their runner sends them. Several histories: a [[migrations]] table for each, with
    [migrations.ledger], [migrations.roles], [migrations.database], [migrations.queries] below it where they differ."""

    name: Annotated[str, Meta(description="The history's name, where there are several (`[[migrations]]` tables).")] = (
        ""
    )
    paths: Annotated[
        tuple[str, ...], Meta(description="Folders of migrations. Default: what is found by a known layout.")
    ] = ()
    layout: Annotated[str, Meta(description="The runner's layout; `auto` finds it by the names of the files.")] = "auto"
    transaction: Annotated[
        str,
        Meta(
            description="`file`: as the runner wraps a file; `statement`: each statement on its own, as psql does; `pending`: all that is pending in one."
        ),
    ] = "file"
    search_path: Annotated[
        tuple[str, ...], Meta(description="The search_path that the runner's session begins with.")
    ] = ("$user", "public")
    baseline: Annotated[
        str, Meta(description="SQL of what stood in production before the first file; `lockgate snapshot` writes it.")
    ] = ""
    command: Annotated[
        str,
        Meta(description="A program that prints the SQL of migrations that are code: `alembic upgrade head --sql`."),
    ] = ""
    placeholders: Annotated[dict[str, str], Meta(description="Values of the placeholders in the files.")] = (
        msgspec.field(default_factory=dict)
    )


class Database(msgspec.Struct, frozen=True):
    """The server that production runs."""

    version: Annotated[
        int | None,
        Meta(description="Production's major version, 14 to 18. Without it nothing is refused that 18 takes."),
    ] = None
    binaries: Annotated[str, Meta(description="Directory of `postgres` and `initdb` for `verify`.")] = ""
    dsn_env: Annotated[
        str, Meta(description="Environment variable with the DSN of a scratch server for `verify`; never production.")
    ] = ""
    statistics: Annotated[
        str, Meta(description="How large production's tables are, in estimates; `lockgate snapshot` writes it.")
    ] = ""
    statement_timeout: Annotated[int, Meta(description="Seconds that a statement has on the server of `verify`.")] = 60


class Sizes(msgspec.Struct, frozen=True):
    """From which size on a table's work matters, in MB of the table without its indexes."""

    small: Annotated[int, Meta(description="Below it a hazard is an info.")] = 16
    large: Annotated[int, Meta(description="From it on a certain one is an error.")] = 1024


class Roles(msgspec.Struct, frozen=True):
    """Who creates and who applies."""

    owner: Annotated[str, Meta(description="The role that made the schema: it applies up to the handover.")] = ""
    deployer: Annotated[str, Meta(description="The role that applies the rest, at every deploy.")] = ""
    handover: Annotated[
        str,
        Meta(description="The last slot that the owner applied, or `ledger`: what the ledger holds is the owner's."),
    ] = ""
    handover_sql: Annotated[
        str,
        Meta(
            description="SQL run as owner at the handover: production's grants. Without it the deployer holds every privilege that can be granted, and owns nothing."
        ),
    ] = ""
    superuser: Annotated[
        bool, Meta(description="Production's runner is a superuser. Nothing of ownership is seen then.")
    ] = False
    assumed: Annotated[
        tuple[str, ...], Meta(description="Roles that exist in production and no migration creates.")
    ] = ()


class LedgerSettings(msgspec.Struct, frozen=True):
    """The table in which the runner records what it applied."""

    table: Annotated[str, Meta(description="Its name. Default: the runner's own.")] = ""
    snapshot: Annotated[str, Meta(description="A JSON file with its rows; `lockgate snapshot` writes it.")] = ""
    dsn_env: Annotated[
        str, Meta(description="Environment variable with production's DSN, for commands that read the ledger there.")
    ] = ""
    version: Annotated[str, Meta(description="The column of versions, where its name is not recognised.")] = ""
    name: Annotated[str, Meta(description="The column of names, where it is not recognised.")] = ""
    checksum: Annotated[str, Meta(description="The column of checksums, where it is not recognised.")] = ""
    applied_at: Annotated[str, Meta(description="The column of times, where it is not recognised.")] = ""


class Git(msgspec.Struct, frozen=True):
    """Against which branches slots are compared."""

    base: Annotated[
        str,
        Meta(description='The branch that this one is merged into; "" compares with none. CI\'s own word comes first.'),
    ] = "origin/main"
    branches: Annotated[bool, Meta(description="Whether slots on unmerged branches count.")] = True


class Rules(msgspec.Struct, frozen=True):
    """Which rules speak, and how loudly. A rule is named by code, name, family or the beginning of its code."""

    select: Annotated[tuple[str, ...], Meta(description="These alone speak.")] = ()
    extend_select: Annotated[
        tuple[str, ...], Meta(description="These speak beside those that do by default, or that `select` names.")
    ] = ()
    ignore: Annotated[tuple[str, ...], Meta(description="These are silent.")] = ()
    severity: Annotated[
        dict[str, str], Meta(description="`info`, `warning` or `error` by rule, in place of the rule's own.")
    ] = msgspec.field(default_factory=dict)
    known: Annotated[
        str,
        Meta(description="A file of known findings, which are counted and not told; `check --update-known` writes it."),
    ] = ""
    plugins: Annotated[
        tuple[str, ...], Meta(description="Folders with rules of your own: documents and modules. They are code.")
    ] = ()


class Queries(msgspec.Struct, frozen=True):
    """Where the application's own SQL lies."""

    paths: Annotated[tuple[str, ...], Meta(description="Files and folders that are searched for queries.")] = ()
    exclude: Annotated[tuple[str, ...], Meta(description="Patterns of paths that are left out.")] = ()


class Deploy(msgspec.Struct, frozen=True):
    """Dokploy and the release's health. The key comes from DOKPLOY_API_KEY only."""

    dokploy_url: Annotated[str, Meta(description="Dokploy's address.")] = ""
    compose_id: Annotated[str, Meta(description="Dokploy's id of the compose project that is deployed.")] = ""
    health_url: Annotated[
        str, Meta(description="An address of the application that answers when a release is healthy.")
    ] = ""
    health_status: Annotated[int, Meta(description="The HTTP status of a healthy answer.")] = 200
    health_body: Annotated[str, Meta(description="What a healthy answer contains.")] = ""
    health_field: Annotated[
        str,
        Meta(
            description="`commit=$commit`: the field of the JSON answer that tells the running commit. It is what proves the new release."
        ),
    ] = ""
    health_header: Annotated[
        str, Meta(description="`x-commit=$commit`: the header of the answer that tells the running commit.")
    ] = ""
    health_successes: Annotated[int, Meta(description="Healthy answers in a row that are enough.")] = 3
    health_timeout: Annotated[float, Meta(description="Seconds until the release must be healthy.")] = 120
    queue_timeout: Annotated[float, Meta(description="Seconds that an order may wait in Dokploy's queue.")] = 600
    deploy_timeout: Annotated[float, Meta(description="Seconds that Dokploy may build and start.")] = 900
    branch: Annotated[str, Meta(description="The branch that Dokploy deploys.")] = "main"
    promote_from: Annotated[
        str,
        Meta(description="The branch whose proven commits `lockgate promote` moves `branch` to; empty: nobody does."),
    ] = ""
    require: Annotated[
        tuple[str, ...], Meta(description="Commit statuses of other checks that must be green before the order.")
    ] = ()
    require_timeout: Annotated[float, Meta(description="Seconds that those may take.")] = 1800
    unlimited_key: Annotated[
        bool, Meta(description="Dokploy's key has no limit, which Dokploy does not tell: it may be asked often.")
    ] = False
    preflight_timeout: Annotated[
        float, Meta(description="Seconds for a Dokploy that does not answer before the order.")
    ] = 45
    settle: Annotated[float, Meta(description="Seconds that the containers must have stayed up.")] = 10
    allow_http: Annotated[
        tuple[str, ...], Meta(description="Hosts, beside loopback, to which plain http is allowed.")
    ] = ()
    mode: Annotated[str, Meta(description="`enforce`, or `advisory`: reports, never blocks.")] = "enforce"
    max_age: Annotated[float, Meta(description="Seconds for which an attestation of `verify` counts.")] = 3600


class Gitea(msgspec.Struct, frozen=True):
    """Where commit statuses and comments go. In a workflow the runner's variables decide; the token comes from
    GITEA_TOKEN only."""

    url: Annotated[str, Meta(description="Gitea's address.")] = ""
    repository: Annotated[str, Meta(description="`owner/name`.")] = ""


OF_A_HISTORY = ("ledger", "roles", "database", "queries")  # sections that a [[migrations]] table may have of its own
CHOICES = {
    ("migrations", "transaction"): ("file", "statement", "pending"),
    ("deploy", "mode"): ("enforce", "advisory"),
    ("database", "version"): (14, 15, 16, 17, 18),
}

ENVIRONMENT = {
    "LOCKGATE_TRUSTED": "`1`: programs and addresses that lockgate.toml names may be followed; `0`: they may not. Default: not in a pull request's run.",
    "LOCKGATE_CACHE": "`off`: neither use nor keep what earlier runs worked out.",
    "LOCKGATE_DEBUG": "`1`: show tracebacks of Lockgate's own mistakes.",
    "LOCKGATE_DOKPLOY_URL": "Dokploy's address, before `[deploy] dokploy_url`.",
    "LOCKGATE_COMPOSE_ID": "Dokploy's id of the compose project, before `[deploy] compose_id`.",
    "LOCKGATE_ALLOW_HTTP": "Hosts to which plain http is allowed, before `[deploy] allow_http`.",
    "LOCKGATE_GITEA_URL": "Gitea's address, before `[gitea] url`.",
    "LOCKGATE_GITEA_REPOSITORY": "`owner/name`, before `[gitea] repository`.",
    "LOCKGATE_OVERRIDE": "A reason to deploy although the gate is closed; it is told in the commit's status.",
    "DOKPLOY_API_KEY": "Dokploy's key; read by `deploy` alone.",
    "DOKPLOY_API_KEY_FILE": "A file that holds it.",
    "GITEA_TOKEN": "Gitea's token; read by `deploy` and `publish` alone.",
    "GITEA_TOKEN_FILE": "A file that holds it.",
    "GITHUB_BASE_REF": "The branch into which a pull request goes (Gitea, Forgejo, GitHub), before `[git] base`.",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "The same of GitLab's.",
    "BITBUCKET_PR_DESTINATION_BRANCH": "The same of Bitbucket's.",
    "XDG_CACHE_HOME": "Where the cache lies, if it is an absolute path; else `~/.cache`.",
    "XDG_STATE_HOME": "Where the state of a deploy lies, if it is an absolute path; else `~/.local/state`.",
    "LOCKGATE_MAX_FILE_MB": "The largest file that is read, in MB.",
    "LOCKGATE_HTTP_TIMEOUT": "Seconds that one HTTP request may take.",
    "NO_COLOR": "No colors.",
    "FORCE_COLOR": "Colors although the output is no terminal.",
}
