"""What lies in a bucket, read past Spark and Delta: objects, the commits of a table, and its rows."""

import csv
import json
import urllib.request
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from urllib.parse import quote, unquote

import pyarrow.parquet as pq

NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"


SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=nobody/20180517/us-east-1/s3/aws4_request"}
"""moto asks for a signature and does not look at it."""


@dataclass(frozen=True)
class Bucket:
    """A bucket of moto's.

    Args:
        address: Of the bucket, with the server's.
    """

    address: str

    def make(self) -> None:
        """Make it."""
        self.answer("", "PUT")

    def answer(self, place: str, method: str = "GET") -> bytes:
        """What the server answers."""
        request = urllib.request.Request(f"{self.address}{place}", method=method, headers=SIGNED)
        with urllib.request.urlopen(request, timeout=30) as answer:
            content: bytes = answer.read()
            return content

    def keys(self, below: str) -> list[str]:
        """The objects below a key, in order."""
        keys: list[str] = []
        more = ""
        while True:
            page = ET.fromstring(self.answer(f"?list-type=2&prefix={quote(below)}{more}"))
            keys += [found.text or "" for found in page.iter(f"{NAMESPACE}Key")]
            token = page.findtext(f"{NAMESPACE}NextContinuationToken")
            if token is None:
                return sorted(keys)
            more = f"&continuation-token={quote(token)}"

    def read(self, key: str) -> bytes:
        """An object."""
        return self.answer(f"/{quote(key)}")

    def versions(self, table: str) -> list[int]:
        """The commits of a table."""
        names = (Path(key).name for key in self.keys(f"{table}/_delta_log/"))
        return [int(name.removesuffix(".json")) for name in names if name.endswith(".json") and name[0] != "."]

    def files(self, table: str) -> list[BytesIO]:
        """The files of a table's rows: those that its commits have added and not removed."""
        live: dict[str, None] = {}
        for version in self.versions(table):
            for line in self.read(f"{table}/_delta_log/{version:020}.json").splitlines():
                action = json.loads(line)
                if "add" in action:
                    live[action["add"]["path"]] = None
                elif "remove" in action:
                    live.pop(action["remove"]["path"], None)
        return [BytesIO(self.read(f"{table}/{unquote(path)}")) for path in live]

    def count(self, table: str) -> int:
        """The rows of a table."""
        return sum(pq.read_metadata(file).num_rows for file in self.files(table))

    def times(self, table: str, column: str) -> Counter[object]:
        """How often each value of a column is in a table."""
        parts = (pq.read_table(file, columns=[column], partitioning=None) for file in self.files(table))
        return Counter(value for part in parts for value in part.column(column).to_pylist())


def rows_of(*files: Path) -> int:
    """The rows of CSV files."""
    count = 0
    for file in files:
        with file.open(newline="", encoding="utf-8") as lines:
            count += sum(1 for _ in csv.reader(lines)) - 1
    return count
