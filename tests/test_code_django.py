"""Django's migrations read from their syntax trees send what Django itself sends, names that it makes included."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from lockgate.sources import load
from tests.conftest import Run
from tests.live_kit import majors
from tests.shared_servers import DsnOf
from tests.slots_kit import put
from tests.test_code_alembic import sent, trees

MANAGE = """
import json, os, sys
import django
from django.conf import settings
wish = json.loads(os.environ["WISH"])
settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "shop", "people"], DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": wish.get("dbname", "postgres"), "USER": wish["user"],
                           "HOST": wish["host"], "PORT": wish.get("port", "")}}, USE_TZ=True)
django.setup()
from django.core.management import call_command
from django.db import connection
from django.db.backends.postgresql.schema import DatabaseSchemaEditor as Editor
from django.db.migrations.migration import Migration
said, here = {}, []
real, apply = Editor.execute, Migration.apply
def execute(self, sql, params=()):
    if here:
        text = str(sql) if params is None else self.connection.ops.compose_sql(str(sql), params)
        said.setdefault(here[-1], []).append(text)
    return real(self, sql, params)
def applied(self, state, editor, collect_sql=False):
    here.append(f"{self.app_label}.{self.name}")
    return apply(self, state, editor, collect_sql)
Editor.execute, Migration.apply = execute, applied
with connection.cursor() as cursor:
    cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
call_command("migrate", verbosity=0)
print(json.dumps(said))
"""
SHOP_1 = """
from django.conf import settings
from django.db import migrations, models
import django.contrib.postgres.indexes
import django.db.models.deletion
import uuid

def fill(apps, schema_editor):
    Item = apps.get_model("shop", "Item")
    for item in Item.objects.all():
        item.save()

class Migration(migrations.Migration):
    initial = True
    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL), ("contenttypes", "0002_remove_content_type_name")]
    operations = [
        migrations.CreateModel(
            name="Kind",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False)),
                ("slug", models.SlugField(unique=True)),
                ("code", models.CharField(max_length=7, db_index=True)),
                ("size", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Item",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("name", models.TextField(blank=True)),
                ("price", models.DecimalField(max_digits=8, decimal_places=2, null=True)),
                ("made", models.DateTimeField(auto_now_add=True)),
                ("data", models.JSONField(default=dict)),
                ("kind", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="shop.kind")),
                ("owner", models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
                ("type", models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, to="contenttypes.contenttype")),
                ("others", models.ManyToManyField(to="shop.item")),
                ("kinds", models.ManyToManyField(related_name="many", to="shop.kind", db_table="item_kinds")),
            ],
            options={
                "unique_together": {("name", "kind")},
                "indexes": [models.Index(fields=["-made", "name"], name="made_idx"),
                            django.contrib.postgres.indexes.GinIndex(fields=["data"], name="data_gin", opclasses=["jsonb_path_ops"])],
                "constraints": [models.CheckConstraint(condition=models.Q(("price__gte", 0)), name="price_ok"),
                                models.UniqueConstraint(fields=("name",), condition=models.Q(("price__isnull", True)), name="free_one"),
                                models.UniqueConstraint(fields=("made", "name"), name="made_name")],
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
"""
SHOP_2 = """
from django.db import migrations, models
import django.db.models.deletion
import uuid

class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial"), ("people", "0001_initial")]
    operations = [
        migrations.AddField("item", "note", models.CharField(max_length=20, default="it's")),
        migrations.AddField("item", "count", models.PositiveSmallIntegerField(db_index=True, default=3), preserve_default=False),
        migrations.AddField("item", "flag", models.BooleanField(default=False)),
        migrations.AddField("item", "person", models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, to="people.person")),
        migrations.AddField("item", "people", models.ManyToManyField(to="people.person", related_name="all")),
        migrations.AlterField("item", "note", models.TextField(null=True)),
        migrations.AlterField("item", "price", models.DecimalField(max_digits=10, decimal_places=3, default=0)),
        migrations.AlterField("item", "count", models.CharField(max_length=9, unique=True)),
        migrations.AlterField("kind", "code", models.CharField(max_length=9)),
        migrations.AlterField("kind", "size", models.IntegerField(null=True)),
        migrations.AlterField("kind", "slug", models.CharField(max_length=30, db_index=True)),
        migrations.AlterField("item", "kind", models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, to="shop.kind")),
        migrations.RenameField("item", "note", "remark"),
        migrations.RenameField("item", "kind", "sort"),
        migrations.RemoveField("item", "owner"),
        migrations.RemoveField("item", "others"),
        migrations.AlterUniqueTogether("item", set()),
        migrations.AddIndex("item", models.Index(fields=["remark"], name="remark_idx")),
        migrations.RemoveIndex("item", "made_idx"),
        migrations.AddConstraint("kind", models.CheckConstraint(condition=models.Q(code="a") | ~models.Q(id__in=[1, 2]), name="either")),
        migrations.RemoveConstraint("item", "made_name"),
        migrations.RemoveConstraint("item", "free_one"),
        migrations.RenameIndex("item", new_name="new_idx", old_name="remark_idx"),
    ]
"""
SHOP_3 = """
from django.db import migrations, models
from django.db.models.functions import Lower

class Migration(migrations.Migration):
    dependencies = [("shop", "0002_more")]
    operations = [
        migrations.RenameModel("Kind", "Sort"),
        migrations.AlterModelTable("Item", "things"),
        migrations.AddIndex("sort", models.Index(Lower("code"), name="low_idx")),
        migrations.RunSQL("ALTER TABLE things ADD COLUMN raw int; COMMENT ON TABLE things IS 'x';", state_operations=[]),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL([("UPDATE things SET raw = %s", [1])])],
            state_operations=[migrations.AddField("item", "raw", models.IntegerField(null=True))],
        ),
        migrations.RemoveField("item", "raw"),
        migrations.DeleteModel("Item"),
    ]
"""
PEOPLE = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = []
    operations = [
        migrations.CreateModel("Person", [("id", models.AutoField(primary_key=True)),
                                          ("email", models.EmailField(max_length=254, unique=True))],
                               options={"db_table": "persons_with_a_name_that_is_so_long_that_names_made_of_it_are_cut"}),
        migrations.AlterField("person", "id", models.BigAutoField(primary_key=True)),
    ]
"""
FILES = {
    "manage.py": "",
    "project/settings.py": 'DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"\n',
    "shop/__init__.py": "",
    "shop/migrations/__init__.py": "",
    "shop/migrations/0001_initial.py": SHOP_1,
    "shop/migrations/0002_more.py": SHOP_2,
    "shop/migrations/0003_last.py": SHOP_3,
    "people/__init__.py": "",
    "people/migrations/__init__.py": "",
    "people/migrations/0001_initial.py": PEOPLE,
}


def bare(statements: list[str]) -> list[object]:
    """Statements by their meaning. Django asks the database for names and passes over what it does not find: IF EXISTS."""
    kept = ";\n".join(s.rstrip(";\n ") for s in statements).replace("DROP CONSTRAINT IF EXISTS", "DROP CONSTRAINT")
    return [t for t in trees(kept) if "ConstraintsSetStmt" not in json.dumps(t)]


def test_migrations_send_what_django_sends(tmp_path: Path, dsn_of: DsnOf) -> None:
    put(tmp_path, FILES)
    (tmp_path / "script.py").write_text(MANAGE)
    wish = json.dumps(conninfo_to_dict(dsn_of(majors()[-1])))
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, env=os.environ | {"WISH": wish}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    theirs = json.loads(done.stdout)
    folder = load([tmp_path], cwd=tmp_path)
    assert folder.layout == "django" and folder.migrations[0].id == "people.0001_initial"
    for one in folder.migrations:
        assert bare([sent(one)]) == bare(theirs[one.id]), one.id
    assert [g.why for m in folder.migrations for g in m.up.gaps] == [
        "migrations.RunPython: what it does to rows is not known"
    ]


def test_a_finding_lies_at_the_operation(lockgate: Run, tmp_path: Path) -> None:
    late = SHOP_3.replace(
        'models.Index(Lower("code"), name="low_idx")', 'models.Index(fields=["code"], name="data_gin")'
    )
    put(tmp_path, FILES | {"shop/migrations/0003_last.py": late})
    found = json.loads(lockgate("verify", "--format", "json").stdout)
    (error,) = [f for f in found["findings"] if f["severity"] == "error"]
    line = late.splitlines()[error["location"]["start"]["line"] - 1]
    assert error["location"]["path"] == "shop/migrations/0003_last.py" and "migrations.AddIndex" in line
    assert error["sqlstate"] == "42P07" and error["evidence"]["verdict"] == "confirmed"
