"""What each statement does to the catalog: one module per family, each with its ``HANDLERS`` by statement tag."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache

from lockgate.parse.statement import Node
from lockgate.timeline.context import Context
from lockgate.timeline.failure import Refused

Handler = Callable[[Context, Node], None]

# where the handlers are, so that a run imports only those that its statements need; a test holds this against the
# modules, and a tag that is missing here is looked for in all of them
_TAGS = {
    "table.alter_table": "AlterTableStmt",
    "routine.call": "CallStmt",
    "type.cast": "CreateCastStmt CreateTransformStmt",
    "type.collation": "AlterCollationStmt CreateConversionStmt",
    "object.comment": "CommentStmt SecLabelStmt",
    "object.database": "AlterDatabaseRefreshCollStmt AlterDatabaseSetStmt AlterDatabaseStmt AlterTableSpaceOptionsStmt "
    "CreateTableSpaceStmt CreatedbStmt DropTableSpaceStmt DropdbStmt",
    "role.default_privileges": "AlterDefaultPrivilegesStmt",
    "object.define": "DefineStmt",
    "routine.do": "DoStmt",
    "type.domain": "AlterDomainStmt CreateDomainStmt",
    "object.drop": "DropStmt",
    "routine.event_trigger": "AlterEventTrigStmt CreateEventTrigStmt CreatePLangStmt",
    "object.extension": "AlterExtensionContentsStmt AlterExtensionStmt CreateExtensionStmt",
    "relation.foreign": "AlterFdwStmt AlterForeignServerStmt AlterUserMappingStmt CreateAmStmt "
    "CreateFdwStmt CreateForeignServerStmt CreateUserMappingStmt DropUserMappingStmt ImportForeignSchemaStmt",
    "routine.function": "AlterFunctionStmt CreateFunctionStmt",
    "role.grant": "GrantStmt",
    "relation.index": "IndexStmt",
    "query.maintenance": "AlterTableMoveAllStmt ClusterStmt CopyStmt LockStmt ReindexStmt TruncateStmt VacuumStmt",
    "role.membership": "GrantRoleStmt",
    "type.operator": "AlterOperatorStmt",
    "type.operator_class": "AlterOpFamilyStmt CreateOpClassStmt CreateOpFamilyStmt",
    "role.owned": "DropOwnedStmt ReassignOwnedStmt",
    "role.owner": "AlterOwnerStmt",
    "relation.policy": "AlterPolicyStmt CreatePolicyStmt",
    "session.prepare": "CheckPointStmt ClosePortalStmt DeallocateStmt DeclareCursorStmt ExecuteStmt ExplainStmt "
    "FetchStmt ListenStmt LoadStmt NotifyStmt PrepareStmt UnlistenStmt",
    "object.publication": "AlterPublicationStmt AlterSubscriptionStmt CreatePublicationStmt CreateSubscriptionStmt DropSubscriptionStmt",
    "query.query": "DeleteStmt InsertStmt MergeStmt SelectStmt UpdateStmt",
    "object.rename": "RenameStmt",
    "role.role": "AlterRoleSetStmt AlterRoleStmt CreateRoleStmt DropRoleStmt",
    "relation.rule": "RuleStmt",
    "object.schema": "CreateSchemaStmt",
    "relation.sequence": "AlterSeqStmt CreateSeqStmt",
    "session.session": "AlterSystemStmt ConstraintsSetStmt DiscardStmt VariableSetStmt VariableShowStmt",
    "object.set_schema": "AlterObjectDependsStmt AlterObjectSchemaStmt",
    "relation.statistics": "AlterStatsStmt CreateStatsStmt",
    "table.table": "CreateForeignTableStmt CreateStmt",
    "table.table_as": "CreateTableAsStmt",
    "type.text_search": "AlterTSConfigurationStmt AlterTSDictionaryStmt",
    "session.transaction": "TransactionStmt",
    "relation.trigger": "CreateTrigStmt",
    "type.type": "AlterEnumStmt AlterTypeStmt CompositeTypeStmt CreateEnumStmt CreateRangeStmt",
    "relation.view": "RefreshMatViewStmt ViewStmt",
}
_MODULES = {tag: module for module, tags in _TAGS.items() for tag in tags.split()}


@cache
def handler_of(tag: str) -> Handler | None:
    """The handler of a statement tag; None where it is not modelled."""
    if tag in _MODULES:
        return _handlers_in(_MODULES[tag]).get(tag)
    return handlers().get(tag)


def _handlers_in(module: str) -> dict[str, Handler]:
    found: dict[str, Handler] = getattr(importlib.import_module(f"{__name__}.{module}"), "HANDLERS", {})
    return found


@cache
def handlers() -> dict[str, Handler]:
    """Every handler by the tag of its statement; two modules that claim one tag are a programming error."""
    import pkgutil

    found: dict[str, Handler] = {}
    for module in sorted(m.name.removeprefix(f"{__name__}.") for m in pkgutil.walk_packages(__path__, f"{__name__}.")):
        for tag, handler in _handlers_in(module).items():
            if tag in found:
                raise RuntimeError(f"two handlers for {tag}: {found[tag].__module__} and {module}")
            found[tag] = handler
    return found


def execute(ctx: Context, tag: str, node: Node) -> None:
    """Run one statement on the context's draft: the entry for the replay, and for statements inside routines and
    schemas.

    Raises Refused or Unsure; the caller restores the draft.
    """
    handler = handler_of(tag)
    if handler is None:
        raise ctx.unsure(f"{tag} is not modelled")
    outer, ctx.supposed = ctx.supposed, ""
    try:
        handler(ctx, node)
    except Refused as refused:
        if ctx.supposed:
            raise ctx.unsure(ctx.supposed) from refused
        raise
    finally:
        ctx.supposed = outer
