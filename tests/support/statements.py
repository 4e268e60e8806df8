"""The statements that some code sends to the database: how they are carried out, and in what time."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from django.apps import apps
from django.db import connection, models, transaction

NESTED = re.compile(r"\([^()]*\)")
TABLE = re.compile(r'(?:FROM|INTO|UPDATE) "?(\w+)')
SQLITE_SCAN = re.compile(r"SCAN (?!CONSTANT ROW)(\w+)")
SQLITE_SEARCH = re.compile(r"SEARCH .*?USING (?:COVERING )?INDEX (\w+) \(")


@dataclass
class Plan:
    """How a database means to carry out a statement."""

    indexes: set[str] = field(default_factory=set)  # that it searches, by their or their constraints' names
    scans: list[str] = field(default_factory=list)  # what it reads whole
    sorts: bool = False  # to give the order that is asked for
    text: str = ""
    beginning: str = ""  # the step that all others follow from


class Statement(NamedTuple):
    sql: str
    params: Any  # a list of them where it is carried out for `many`
    many: bool

    @property
    def table(self) -> str:
        """The one that it is about, besides those joined and those of subqueries; nothing where there is none."""
        outer, inner = self.sql, ""
        while outer != inner:
            outer, inner = NESTED.sub("", outer), outer
        found = TABLE.search(outer)
        return found[1] if found else ""

    @property
    def writes(self) -> bool:
        return not self.sql.lstrip("( ").startswith(("SELECT", "WITH"))

    def plan(self) -> "Plan":
        params = self.params[0] if self.many else self.params
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("EXPLAIN QUERY PLAN " + self.sql, params)
                return _plan_of_sqlite([row[3] for row in cursor.fetchall()])
            cursor.execute("EXPLAIN (FORMAT JSON) " + self.sql, params)
            return _plan_of_postgresql(_told(cursor)["Plan"])

    def carry_out(self) -> "Spent":
        """Once more; what it wrote is taken back."""
        with transaction.atomic(), connection.cursor() as cursor:
            spent = self._timed(cursor)
            transaction.set_rollback(True)
        return spent

    def _timed(self, cursor: Any) -> "Spent":
        """PostgreSQL tells its own time; SQLite, where alone many go in at once, is in this process."""
        used = _processor_seconds()
        if connection.vendor == "postgresql":
            cursor.execute("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + self.sql, self.params)
            told = _told(cursor)
            seconds, rows = (told["Planning Time"] + told["Execution Time"]) / 1000, int(told["Plan"]["Actual Rows"])
        else:
            began = time.perf_counter()
            (cursor.executemany if self.many else cursor.execute)(self.sql, self.params)
            rows = len(cursor.fetchall())
            seconds = time.perf_counter() - began
        return Spent(seconds, _processor_seconds() - used, rows)


def _processor_seconds() -> float:
    """What the database has used for this connection: its process, on this machine, or this thread."""
    if connection.vendor == "postgresql":
        process = connection.connection.info.backend_pid
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9
    return time.thread_time()


class Spent(NamedTuple):
    seconds: float  # in the database
    processor_seconds: float  # of these; all of them where the machine has nothing else to do
    rows: int  # that it gave


@contextmanager
def statements() -> Iterator[list[Statement]]:
    """Those sent within the block, but for what frames transactions."""
    found: list[Statement] = []

    def keep(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN")):
            params = list(params) if many else params
            found.append(Statement(sql, params, many))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(keep):
        yield found


# --- Plans --------------------------------------------------------------------


def _plan_of_sqlite(lines: list[str]) -> Plan:
    plan = Plan(text="; ".join(lines), beginning=lines[0] if lines else "")
    for line in lines:
        plan.sorts |= line == "USE TEMP B-TREE FOR ORDER BY"
        if scanned := SQLITE_SCAN.match(line):
            plan.scans.append(scanned[1])
        if searched := SQLITE_SEARCH.match(line):
            plan.indexes.add(_constraints_of_sqlite().get(searched[1], searched[1]))
    return plan


@cache
def _constraints_of_sqlite() -> dict[str, str]:
    """SQLite has its own names for the indexes of constraints."""
    names: dict[str, str] = {}
    for model in apps.get_models():
        columns_of = {field.name: field.column for field in model._meta.concrete_fields}
        constraints = {
            tuple(columns_of[name] for name in constraint.fields): constraint.name
            for constraint in model._meta.constraints
            if isinstance(constraint, models.UniqueConstraint)
        }
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA index_list({model._meta.db_table})")
            for _, index, *_ in cursor.fetchall():
                cursor.execute(f"PRAGMA index_info({index})")
                columns = tuple(row[2] for row in cursor.fetchall())
                if index.startswith("sqlite_autoindex") and columns in constraints:
                    names[index] = constraints[columns]
    return names


def _told(cursor: Any) -> dict[str, Any]:
    ((told,),) = cursor.fetchall()
    return (told if isinstance(told, list) else json.loads(told))[0]


def _plan_of_postgresql(root: dict[str, Any]) -> Plan:
    """An index that is read without a condition is read whole, too."""
    plan = Plan(text=json.dumps(root), beginning=_first_step(root))
    nodes = [root]
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        kind = node["Node Type"]
        plan.sorts |= kind in ("Sort", "Incremental Sort")
        if "Index Cond" in node:
            plan.indexes.add(node["Index Name"])
        elif kind in ("Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Index Scan"):
            plan.scans.append(node.get("Relation Name") or node["Index Name"])
    return plan


def _first_step(root: dict[str, Any]) -> str:
    node = root
    while "Plans" in node:
        node = node["Plans"][0]
    return f"{node['Node Type']} {node.get('Index Name') or node.get('Relation Name', '')}".strip()
