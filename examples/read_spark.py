"""Read the files of tap-dixa-load with Spark: one row for each key, the newest.

Usage: python examples/read_spark.py LAKE [FOLDER]
For example: python examples/read_spark.py s3a://bucket/dixa

Each stream becomes a view, whose rows are counted. With FOLDER, each is written there as Parquet.
"""

import json
import sys
from typing import Any

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as f

TYPES = {"integer": "bigint", "number": "double", "boolean": "boolean"}


def column_type(field: dict[str, Any]) -> str:
    """Give the type of a column: a string of JSON for what is nested, or of several types."""
    kinds = field.get("type", [])
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    if kinds - {"null"} == {"string"} and field.get("format") == "date-time":
        return "timestamp"
    return TYPES.get(*kinds - {"null"}, "string") if len(kinds - {"null"}) == 1 else "string"


def read(spark: SparkSession, lake: str, stream: dict[str, Any]) -> DataFrame:
    """Read a stream.

    Args:
        spark: The session.
        lake: Where the files are.
        stream: What `lake.json` says of it.
    """
    fields = stream["schema"]["properties"].items()
    schema = ", ".join(f"`{name}` {column_type(field)}" for name, field in fields)
    files = [f"{lake}/{name}" for name in stream["files"]]
    if not files:
        return spark.createDataFrame([], schema)
    # Files are named in the order of their records, and gzip keeps the lines of one together.
    rows = spark.read.schema(schema).json(files, mode="FAILFAST")
    rows = rows.select("*", f.col("_metadata.file_name").alias("_file"))
    rows = rows.withColumn("_line", f.monotonically_increasing_id())
    last = Window.partitionBy(*stream["keys"]).orderBy(f.desc("_file"), f.desc("_line"))
    rows = rows.withColumn("_number", f.row_number().over(last)).where("_number = 1")
    return rows.drop("_file", "_line", "_number")


def main(lake: str, folder: str | None = None) -> None:
    """Make the views, and count or write their rows."""
    options = {"spark.sql.session.timeZone": "UTC", "spark.ui.showConsoleProgress": "false"}
    spark = SparkSession.builder.appName("tap-dixa").config(map=options).getOrCreate()
    content = json.loads(spark.read.text(f"{lake}/lake.json", wholetext=True).head()[0])
    for name, stream in content["streams"].items():
        rows = read(spark, lake, stream)
        rows.createOrReplaceTempView(name)
        if folder is None:
            print(f"{name:<26}{rows.count():>12,}")
        else:
            rows.write.mode("overwrite").parquet(f"{folder}/{name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
