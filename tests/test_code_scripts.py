"""Migrations of TypeORM, Knex and Sequelize read from their syntax trees, found from the repository's root."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lockgate.sources import load
from lockgate.sources.migration import Transaction
from lockgate.sources.span import PENDING
from tests.conftest import Run
from tests.slots_kit import put
from tests.test_code_alembic import sent

TYPEORM = """import { MigrationInterface, QueryRunner, Table, TableColumn, TableForeignKey, TableIndex } from "typeorm";

export class Start1700000000000 implements MigrationInterface {
    name = 'Start1700000000000'
    public async up(queryRunner: QueryRunner): Promise<void> {
        await queryRunner.query(`CREATE TABLE "user" ("id" SERIAL PRIMARY KEY, "name" character varying NOT NULL)`);
        for (const column of ['a', 'b']) {
            await queryRunner.query(`ALTER TABLE "user" ADD "${column}" integer`);
        }
        await queryRunner.createTable(new Table({
            name: "post",
            columns: [
                { name: "id", type: "uuid", isPrimary: true, isGenerated: true, generationStrategy: "uuid" },
                { name: "n", type: "int", isGenerated: true, generationStrategy: "increment" },
                { name: "title", type: "varchar", length: "255", isUnique: true, default: "'x'" },
                { name: "user_id", type: "int", isNullable: true },
            ],
            foreignKeys: [{ columnNames: ["user_id"], referencedTableName: "user", referencedColumnNames: ["id"], onDelete: "CASCADE" }],
        }), true);
        await queryRunner.addColumn("post", new TableColumn({ name: "at", type: "timestamp", default: "now()" }));
        await queryRunner.createIndex("post", new TableIndex({ columnNames: ["title", "at"], isUnique: true }));
        if (!(await queryRunner.hasColumn("post", "more"))) {
            await queryRunner.query('ALTER TABLE "post" ADD COLUMN "more" text');
        }
        await queryRunner.dropColumn("post", "n");
    }
    public async down(queryRunner: QueryRunner): Promise<void> {
        await queryRunner.query(`DROP TABLE "post"`);
    }
}
"""
TYPEORM_SENT = """CREATE TABLE "user" ("id" SERIAL PRIMARY KEY, "name" character varying NOT NULL);
ALTER TABLE "user" ADD "a" integer;
ALTER TABLE "user" ADD "b" integer;
CREATE TABLE IF NOT EXISTS "post" ("id" uuid NOT NULL DEFAULT uuid_generate_v4(), "n" SERIAL NOT NULL, "title" varchar(255) NOT NULL DEFAULT 'x', "user_id" int, \
CONSTRAINT "UQ_e28aa0c4114146bfb1567bfa9ac" UNIQUE ("title"), \
CONSTRAINT "FK_52378a74ae3724bcab44036645b" FOREIGN KEY ("user_id") REFERENCES "user" ("id") ON DELETE CASCADE, \
CONSTRAINT "PK_be5fda3aac270b134ff9c21cdee" PRIMARY KEY ("id"));
ALTER TABLE "post" ADD "at" timestamp NOT NULL DEFAULT now();
CREATE UNIQUE INDEX "IDX_name" ON "post" ("title", "at");
ALTER TABLE "post" ADD COLUMN IF NOT EXISTS "more" text;
ALTER TABLE "post" DROP COLUMN "n";"""
KNEX = """
const { addDates } = require('./helpers/dates');
exports.up = async function (knex) {
  await knex.schema.createTable('Users', (table) => {
    table.increments();
    table.string('email', 100).notNullable().unique();
    table.enu('kind', ['a', 'b']).defaultTo('a');
    table.integer('boss').unsigned().references('id').inTable('Users').onDelete('SET NULL').index();
    table.jsonb('data').defaultTo(knex.raw("'{}'::jsonb"));
    table.boolean('on').defaultTo(true);
    table.decimal('price', 8, 3);
    addDates(table);
  }).alterTable('Users', (table) => {
    table.dropColumn('price');
    table.renameColumn('on', 'active');
    table.string('email', 200).notNullable().alter();
    table.unique(['kind', 'boss'], { indexName: 'pair' });
    table.dropForeign('boss');
  });
  if (knex.client.config.client === 'mysql') await knex.raw('nonsense');
  return knex.raw('COMMENT ON TABLE ?? IS ?', ['Users', "it's"]);
};
exports.config = { transaction: false };
"""
KNEX_SENT = """create table "Users" ("id" serial primary key, "email" varchar(100) not null, "kind" text check ("kind" in ('a', 'b')) default 'a', "boss" integer, \
"data" jsonb default '{}'::jsonb, "on" boolean default 'true', "price" decimal(8, 3), "created_at" timestamptz not null default CURRENT_TIMESTAMP, \
"updated_at" timestamptz not null default CURRENT_TIMESTAMP);
alter table "Users" add constraint "users_email_unique" unique ("email");
alter table "Users" add constraint "users_boss_foreign" foreign key ("boss") references "Users" ("id") on delete SET NULL;
create index "users_boss_index" on "Users" ("boss");
alter table "Users" alter column "email" drop default;
alter table "Users" alter column "email" drop not null;
alter table "Users" alter column "email" type varchar(200) using ("email"::varchar(200));
alter table "Users" alter column "email" set not null;
alter table "Users" drop column "price";
alter table "Users" rename column "on" to "active";
alter table "Users" add constraint "pair" unique ("kind", "boss");
alter table "Users" drop constraint "users_boss_foreign";
COMMENT ON TABLE "Users" IS 'it''s';"""
SEQUELIZE = """'use strict';
module.exports = {
  up: (queryInterface, Sequelize) => {
    return queryInterface.sequelize.transaction(async (transaction) => {
      await queryInterface.createTable('things', {
        id: { type: Sequelize.UUID, primaryKey: true, allowNull: false, defaultValue: Sequelize.UUIDV4 },
        name: { type: Sequelize.STRING, allowNull: false, unique: true },
        kind: { type: Sequelize.ENUM('a', 'b'), defaultValue: 'a' },
        count: { type: Sequelize.INTEGER, autoIncrement: true },
        tags: Sequelize.ARRAY(Sequelize.STRING(20)),
        createdAt: { type: Sequelize.DATE, allowNull: false },
      }, { transaction });
      await queryInterface.addColumn('things', 'ownerId', {
        type: Sequelize.UUID, references: { model: 'things', key: 'id' }, onDelete: 'cascade' }, { transaction });
    }).then(() => queryInterface.addIndex('things', ['name', 'createdAt'], { unique: true }));
  },
  down: (queryInterface) => queryInterface.dropTable('things'),
};
"""
SEQUELIZE_SENT = """BEGIN;
DO 'BEGIN CREATE TYPE "public"."enum_things_kind" AS ENUM(''a'', ''b''); EXCEPTION WHEN duplicate_object THEN null; END';
CREATE TABLE IF NOT EXISTS "things" ("id" UUID NOT NULL, "name" VARCHAR(255) NOT NULL UNIQUE, "kind" "public"."enum_things_kind" DEFAULT 'a', \
"count" SERIAL, "tags" VARCHAR(20)[], "createdAt" TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY ("id"));
ALTER TABLE "things" ADD COLUMN "ownerId" UUID REFERENCES "things" ("id") ON DELETE CASCADE;
COMMIT;
CREATE UNIQUE INDEX "things_name_created_at" ON "things" ("name", "createdAt");"""
DATES = "exports.addDates = (table) => { table.timestamps(true, true); };\n"
CASES = {
    "typeorm": ({"src/migrations/1700000000000-Start.ts": TYPEORM}, TYPEORM_SENT, Transaction.FILE, PENDING),
    "knex": (
        {"db/migrations/20240101_a.js": KNEX, "db/migrations/helpers/dates.js": DATES},
        KNEX_SENT,
        Transaction.STATEMENT,
        "file",
    ),
    "sequelize": ({"server/migrations/20240101-a.js": SEQUELIZE}, SEQUELIZE_SENT, Transaction.STATEMENT, "file"),
}


@pytest.mark.parametrize("layout", CASES)
def test_a_migration_becomes_the_sql_that_it_sends(tmp_path: Path, layout: str) -> None:
    files, expected, shape, span = CASES[layout]
    put(tmp_path, files | {"package.json": "{}", "src/stray.sql": "SELECT 1;"})
    folder = load([tmp_path], cwd=tmp_path)
    (one,) = folder.migrations
    said = sent(one)
    if layout == "typeorm":
        name = next(word for word in said.split('"') if word.startswith("IDX_"))
        assert len(name) == 30
        expected = expected.replace("IDX_name", name)
    assert (folder.layout, folder.span, one.up.transaction, one.up.gaps) == (layout, span, shape, ())
    assert said.splitlines() == expected.splitlines()


LATE = {
    "typeorm": (
        "src/migrations/1800000000000-Late.ts",
        TYPEORM.split("export class")[0]
        + "export class Late1800000000000 implements MigrationInterface {\n  public async up(queryRunner: QueryRunner) {\n"
        + '    await queryRunner.dropColumn("post", "n");\n  }\n}\n',
        'queryRunner.dropColumn("post", "n")',
    ),
    "knex": (
        "db/migrations/20240102_b.js",
        "exports.up = (knex) => knex.schema.alterTable('Users', (t) => {\n  t.index(['price']);\n});\n",
        "knex.schema.alterTable",
    ),
    "sequelize": (
        "server/migrations/20240102-b.js",
        "module.exports = {\n  up: async (queryInterface) => {\n    await queryInterface.removeColumn('things', 'nothing');\n  },\n};\n",
        "queryInterface.removeColumn",
    ),
}


@pytest.mark.parametrize("layout", CASES)
def test_a_fault_is_found_and_confirmed_at_its_line(lockgate: Run, tmp_path: Path, layout: str) -> None:
    path, text, line = LATE[layout]
    put(tmp_path, CASES[layout][0] | {path: text, "package.json": "{}"})
    found = json.loads(lockgate("verify", "--format", "json").stdout)
    errors = [f for f in found["findings"] if f["severity"] == "error"]
    last = errors[-1]
    assert last["location"]["path"] == path and last["evidence"]["verdict"] == "confirmed"
    assert line in text.splitlines()[last["location"]["start"]["line"] - 1]


def test_another_database_is_left_out(tmp_path: Path) -> None:
    files = {f"src/migrations/{name}/1700000000000-Start.ts": TYPEORM for name in ("postgres", "mysql", "sqlite")}
    put(tmp_path, files | {"package.json": "{}"})
    folder = load([tmp_path], cwd=tmp_path)
    assert [m.up.source.path for m in folder.migrations] == ["src/migrations/postgres/1700000000000-Start.ts"]


def test_what_is_not_known_of_a_column_leaves_the_table_certain(lockgate: Run, tmp_path: Path) -> None:
    files = {
        "server/migrations/20240101-a.js": SEQUELIZE,
        "server/migrations/20240102-b.js": "module.exports = { up: async (queryInterface, S) => {\n  await queryInterface.addColumn('things', 'odd', "
        "{ type: S.STRING, defaultValue: process.env.ODD });\n} };\n",
        "server/migrations/20240103-c.js": "module.exports = { up: async (queryInterface) => {\n"
        "  await queryInterface.removeColumn('things', 'nothing');\n  await queryInterface.removeColumn('things', 'odd');\n} };\n",
    }
    put(tmp_path, files)
    found = json.loads(lockgate("check", "--format", "json").stdout)["findings"]
    assert [(f["rule"], f["location"]["start"]["line"]) for f in found if f["severity"] == "error"] == [("T203", 2)]
    assert [f["rule"] for f in found if "20240102-b" in f["location"]["path"]] == ["S121"]
