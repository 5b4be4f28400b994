"""Which text the quick learner reads, and how."""

import numpy as np

from aot.quick.arguments import QuickArguments
from aot.quick.profiles import Documents
from aot.tokens.clusters import read_clustered
from aot.tokens.data_folder import read_meta
from aot.tokens.streams import load_stream, read_clusters
from aot.tokens.tokenizers import data_tokenizer
from aot.tokens.windows import document_starts


def read_data(args, how: QuickArguments) -> Documents:
    """Those of a split of a data folder, as tokens or as characters, after those of the split to learn from.

    SystemExit where both are the same, so that documents would count that had been learned from.
    """
    if how.after == args.split:
        raise SystemExit(f"--after {how.after}: is the split that counts, --split; give another one to read first")
    meta, tokenizer = read_meta(args.data), data_tokenizer(args.data)
    content, clusters, counted = [], [], []
    for split in [how.after] * bool(how.after) + [args.split]:
        ids = np.asarray(load_stream(args.data, split, tokenizer))
        starts = document_starts(ids, tokenizer.eos_token_id, meta.get("tokens_per_document"))
        rows = [each[each != tokenizer.eos_token_id] for each in np.split(ids, starts[1:])]
        of_rows = read_clusters(args.data, split) or [None] * len(rows)
        rows = tokenizer.batch_decode(rows) if how.level == "char" else rows
        content += [each for each in rows if len(each)]
        clusters += [name for each, name in zip(rows, of_rows, strict=False) if len(each)]
        counted += [split == args.split] * (len(content) - len(counted))
    if not any(counted):
        raise SystemExit(f"{args.data}: has no document with a token in split {args.split!r}")
    clusters = None if None in clusters else clusters
    if how.level == "char":
        return Documents(content, clusters, np.array(counted))
    names = {int(each): tokenizer.decode([each]) for each in np.unique(np.concatenate(content))}
    return Documents(content, clusters, np.array(counted), meta["splits"][args.split]["bytes"], names)


def read_text(args, how: QuickArguments) -> Documents:
    """Those of files, URLs, standard input or a data set on the Hub, as characters or as bytes."""
    settings = args.reading() | {"document_length": how.document_length, "raw": how.level == "byte"}
    rows = list(read_clustered(args.sources, args.documents, args.clusters, **settings))
    content, clusters = ([row[part] for row in rows] for part in (0, 1))
    if how.level == "byte":
        content = [each if isinstance(each, bytes) else each.encode() for each in content]
    return Documents(content, clusters if args.clusters else None, np.ones(len(content), bool))


def read_documents(args, how: QuickArguments) -> Documents:
    """Documents of --data, --text or --dataset; SystemExit where flags do not go together."""
    if not args.data:
        if how.level == "token" or how.after:
            raise SystemExit("--level token and --after need a data folder, --data")
        documents = read_text(args, how)
    elif how.level == "byte" or how.document_length:
        raise SystemExit("--level byte and --document_length need the text itself, --text or --dataset")
    else:
        documents = read_data(args, how)
    if (how.destroy or how.keep or how.where) and not isinstance(documents.content[0], str):
        raise SystemExit("--destroy, --keep and --where change words: they need characters, --level char")
    return documents
