"""Lines of text files as they stream through Python: without what is no row."""

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from jobs.runtime.found_files import BEGINS, LINE

NOT_BLANK = r"[^\x00-\x20]"


def without_headers(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Array]:
    """The lines without the first one that is not blank of each part that begins in them."""
    header_of = None
    for batch in batches:
        runs = pc.run_end_encode(batch[BEGINS])
        start = 0
        for end, part in zip(runs.run_ends.to_pylist(), runs.values.to_pylist(), strict=True):
            lines = batch[LINE].slice(start, end - start)
            start = end
            if part is not None and part != header_of:
                written_on = without_blank(lines)
                header_of = part if len(written_on) else header_of
                lines = written_on.slice(1)
            yield lines


def without_blank(lines: pa.Array) -> pa.Array:
    """The lines without those that hold nothing, as Spark's CSV reader leaves them out."""
    return lines.filter(pc.match_substring_regex(lines.view(pa.binary()), NOT_BLANK))
