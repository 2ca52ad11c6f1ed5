"""What migra makes of pairs of schemas; runs in migra's own environment, which compare_tools.py makes.

Reads {"wanted": url, "live": url, "schemas": [...]} and writes {schema: SQL}, or {schema: "error: ..."}.
"""

import json
import sys

from migra import Migration  # type: ignore[import-not-found]
from sqlbag import S  # type: ignore[import-not-found]


def main() -> None:
    """Compares each schema of one database with the same of the other."""
    asked = json.load(sys.stdin)
    answers = {}
    with S(asked["live"]) as live, S(asked["wanted"]) as wanted:
        for schema in asked["schemas"]:
            try:
                migration = Migration(live, wanted, schema=schema)
                migration.set_safety(False)
                migration.add_all_changes()
                answers[schema] = migration.sql
            except Exception as error:  # noqa: BLE001 - what stops it is its answer
                answers[schema] = f"error: {error}"
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
